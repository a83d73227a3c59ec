"""A server's stored history for the command line: opened by a folder or settings, while the server runs or not."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from sqlalchemy.engine import make_url

from whenthen.clock import from_us
from whenthen.errors import WhenthenError
from whenthen.extend.registry import Registry
from whenthen.proving.lookback import Explained, OutsideError
from whenthen_server.lookback.past import Past
from whenthen_server.problems import Unprocessable
from whenthen_server.settings import load_settings
from whenthen_server.store import migrations, rules
from whenthen_server.store.database import open_database, reading
from whenthen_server.store.places import Places


class NoHistoryError(WhenthenError):
    """There is no database there, or none of this version."""

    code = "no_history"


class UnknownNameError(WhenthenError):
    """No rule that is stored has that id or name, or several have it."""

    code = "unknown_rule"


class TooMuchError(WhenthenError):
    """The rule reads more than is looked at."""

    code = "too_much"


@contextmanager
def open_history(registry: Registry, data: Path | None, settings_file: Path | None) -> Generator[History]:
    """Open what a server stored; raises ``NoHistoryError``, or what wrong settings raise. Nothing is written."""
    given = {} if data is None else {"WHENTHEN_DATA_FOLDER": str(data)}
    url = load_settings(settings_file, {**os.environ, **given}).database_url
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        raise NoHistoryError(f"there is no database at {parsed.database}; is this the data folder of a server?")
    found, wanted = migrations.current(url), migrations.head()
    if found != wanted:
        raise NoHistoryError(f"the tables are of version {found}, this program needs {wanted}; run whenthen db upgrade")
    database = open_database(url)
    try:
        places = Places(database)
        places.read()
        with reading(database) as connection:
            named = rules.names(connection)
        yield History(Past(database, registry, places), named)
    finally:
        database.dispose()


class History:
    """What is stored, to be asked about past instants; *named* has the rules' names by id, those removed too."""

    def __init__(self, past: Past, named: Mapping[str, str]) -> None:
        self._past = past
        self._named = named

    def explained(self, rule: str, at_us: int, subject: str | None) -> Explained:
        """Return why a rule, by id or name, would fire at an instant, or would not.

        Raises ``UnknownNameError``, ``OutsideError`` when the rule was not there then, and ``TooMuchError``.
        """
        rule_id = self._rule_id(rule, at_us)
        version = self._past.version(rule_id, at_us)
        if version is None:
            raise OutsideError(f"the rule {rule!r} was not there at {from_us(at_us).isoformat()}")
        try:
            return self._past.explained(rule_id, version, at_us, subject)
        except Unprocessable as error:
            raise TooMuchError(error.detail) from error

    def _rule_id(self, rule: str, at_us: int) -> str:
        if rule in self._named:
            return rule
        found = [rule_id for rule_id, name in self._named.items() if name == rule]
        there = [rule_id for rule_id in found if self._past.version(rule_id, at_us) is not None]
        if len(there or found) == 1:
            return (there or found)[0]
        if found:
            raise UnknownNameError(
                f"several rules are called {rule!r}; name one by its id: {', '.join(there or found)}"
            )
        near = get_close_matches(rule, [*self._named.values(), *self._named], n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UnknownNameError(f"there is no rule {rule!r}{hint}")

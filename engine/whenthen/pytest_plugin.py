"""What whenthen adds to pytest: ``*.scenario.json`` and ``*.promises.json`` files are tests, and two fixtures.

pytest loads this in every project that has whenthen installed, so it imports nothing that it may not need; it lies
outside ``whenthen.testing``, which needs Hypothesis.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from whenthen.clock import ManualClock
from whenthen.dsl.read import SCENARIO_ENDING, TEST_ENDINGS
from whenthen.errors import WhenthenError

if TYPE_CHECKING:
    from whenthen.extend.registry import Registry
    from whenthen.proving.promises.hunt import Effort

_FAILURES = Path(".whenthen", "failures")
"""Where a failure's rules and history are written, below pytest's root folder."""

_TRIES, _SEED = "whenthen_tries", "whenthen_seed"
_SEARCH: pytest.StashKey[dict[str, int]] = pytest.StashKey()
_REGISTRY: pytest.StashKey[Registry] = pytest.StashKey()


class NotAsExpectedError(WhenthenError):
    """A scenario in which something was not as expected, a promise that is broken, or a file that cannot be read."""

    code = "not_as_expected"


class JudgedFile(pytest.File):
    """A file that is one test."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the test."""
        name = self.path.name.removesuffix(".json").rpartition(".")[0]
        yield JudgedItem.from_parent(self, name=name)


class JudgedItem(pytest.Item):
    """A scenario, or promises, as a test."""

    def runtest(self) -> None:
        """Judge the file; raises ``NotAsExpectedError``."""
        from whenthen.proving.judged import judged, keep_failures  # noqa: PLC0415 - see above

        verdict = judged(self.path, _registry(self.config), _effort(self.config))
        if verdict.outcome == "passed":
            self.add_report_section("call", "whenthen", "\n".join(verdict.lines()))
            return
        kept = keep_failures(verdict, self.config.rootpath / _FAILURES / self._folder())
        told = [f"{verdict.name or self.path.name}: {verdict.outcome}", *verdict.lines()]
        raise NotAsExpectedError("\n".join([*told, *(line for one in kept for line in one.lines())]))

    def _folder(self) -> str:
        """Return a name of its own for what is kept: files in two folders, or of two kinds, may have one name."""
        file = self.nodeid.partition("::")[0].removesuffix(SCENARIO_ENDING).removesuffix(".json")
        return re.sub(r"[^\w.-]+", "-", file)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what went wrong; where in our code that was noticed helps nobody."""
        if isinstance(excinfo.value, NotAsExpectedError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the file and the test's name."""
        return self.path, None, self.name


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer to search less or more, and elsewhere, than ``whenthen test`` does when nobody says otherwise."""
    parser.addini(_TRIES, "whenthen: so many histories are tried for each promise", default="")
    parser.addini(_SEED, "whenthen: another number tries other histories", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Read how promises are searched; raises ``pytest.UsageError``."""
    limits = {"tries": (_TRIES, 1, "a whole number from 1 on"), "seed": (_SEED, -inf, "a whole number")}
    given = {name: (str(config.getini(limit[0])).strip(), limit) for name, limit in limits.items()}
    config.stash[_SEARCH] = {
        name: _whole(key, text, least, wanted) for name, (text, (key, least, wanted)) in given.items() if text
    }


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect scenarios and promises."""
    return JudgedFile.from_parent(parent, path=file_path) if file_path.name.endswith(TEST_ENDINGS) else None


@pytest.fixture(scope="session")
def whenthen_registry(pytestconfig: pytest.Config) -> Registry:
    """Return what installed plugins registered, as the command line finds it: what an ``Engine`` needs."""
    return _registry(pytestconfig)


@pytest.fixture
def manual_clock() -> ManualClock:
    """Return a clock that is turned by hand, at the first instant of 2026, UTC."""
    return ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


def _registry(config: pytest.Config) -> Registry:
    from whenthen.extend.settings import PluginSettings  # noqa: PLC0415 - see above

    if _REGISTRY not in config.stash:
        config.stash[_REGISTRY] = PluginSettings.of(os.environ).load()
    return config.stash[_REGISTRY]


def _effort(config: pytest.Config) -> Effort:
    from whenthen.proving.promises.hunt import Effort  # noqa: PLC0415 - see above

    usual, said = Effort(), config.stash[_SEARCH]
    return Effort(said.get("seed", usual.seed), said.get("tries", usual.tries))


def _whole(name: str, given: str, least: float, wanted: str) -> int:
    """Return the number that a setting of pytest says; raises ``pytest.UsageError``."""
    try:
        number = int(given)
    except ValueError:
        number = None
    if number is None or number < least:
        raise pytest.UsageError(f"{name} is {given!r}; write {wanted}")
    return number

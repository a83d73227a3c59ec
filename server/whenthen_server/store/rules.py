"""Rules as they are kept: found, listed, with their versions; and changed, with who did it in the audit log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import Connection, literal, select, tuple_

from whenthen.errors import UnknownRuleError, WhenthenError
from whenthen.runtime.items import PutRule, RemoveRule, RunRule, SwitchRule
from whenthen.runtime.journal import RuleConflictError
from whenthen.runtime.writer import Core
from whenthen_server.store.audit import note_in
from whenthen_server.store.journal import connection_of
from whenthen_server.store.tables import audit, rule_versions, rules

_ROWS_AT_ONCE = 500


class RuleExistsError(WhenthenError):
    """The id of a new rule is taken."""

    code = "conflict"


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """A rule as it is kept; instants in microseconds since the epoch."""

    id: str
    version: int
    document: Mapping[str, Any]
    created_us: int
    updated_us: int


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """What somebody made of a rule; without a *document* they removed it."""

    version: int
    document: Mapping[str, Any] | None
    who: str
    at_us: int


def find(connection: Connection, rule_id: str) -> RuleRecord | None:
    """Return a rule, or ``None`` if there is none or it was removed."""
    row = connection.execute(_records().where(rules.c.id == rule_id)).mappings().first()
    return None if row is None else RuleRecord(**row)


def listed(connection: Connection, after: tuple[int, str] | None = None) -> Iterator[RuleRecord]:
    """Yield the rules in the order of their making; *after* is the instant and the id of one that was seen already."""
    found = _records().order_by(rules.c.created_us, rules.c.id)
    if after is not None:
        found = found.where(tuple_(rules.c.created_us, rules.c.id) > tuple_(*map(literal, after)))
    with connection.execute(found.execution_options(yield_per=_ROWS_AT_ONCE)) as rows:
        for row in rows.mappings():
            yield RuleRecord(**row)


def names(connection: Connection) -> dict[str, str]:
    """Return the name of every rule by its id, of those that were removed as well."""
    return {row.id: row.name for row in connection.execute(select(rules.c.id, rules.c.name))}


def present_versions(connection: Connection) -> dict[str, int]:
    """Return the version of every rule that there is, by its id."""
    rows = connection.execute(select(rules.c.id, rules.c.version).where(rules.c.removed_us.is_(None)))
    return {row.id: row.version for row in rows}


def found(connection: Connection, rule_ids: Sequence[str]) -> Iterator[RuleRecord]:
    """Yield the rules of some ids, those that are there."""
    for start in range(0, len(rule_ids), _ROWS_AT_ONCE):
        wanted = _records().where(rules.c.id.in_(rule_ids[start : start + _ROWS_AT_ONCE]))
        for row in connection.execute(wanted).mappings():
            yield RuleRecord(**row)


def versions(
    connection: Connection, rule_id: str, *, limit: int, before: int | None = None
) -> tuple[list[RuleVersion], int | None]:
    """Return a rule's versions, newest first, and where the next page begins (``None``: no more)."""
    found = _versions(rule_id).limit(limit + 1)
    if before is not None:
        found = found.where(rule_versions.c.version < before)
    rows = [RuleVersion(**row) for row in connection.execute(found).mappings()]
    return rows[:limit], rows[limit - 1].version if len(rows) > limit else None


def version_at(connection: Connection, rule_id: str, at_us: int) -> RuleVersion | None:
    """Return the version that held at an instant, ``None`` if the rule was not there then."""
    found = _versions(rule_id).where(rule_versions.c.at_us <= at_us).limit(1)
    row = connection.execute(found).mappings().first()
    return None if row is None or row["document"] is None else RuleVersion(**row)


def last_switch(connection: Connection, rule_id: str, from_us: int, until_us: int) -> tuple[bool, int] | None:
    """Return whether a person last switched a rule on or off in from_us < at <= until_us, and when; else ``None``."""
    table = audit
    found = select(table.c.action, table.c.at_us).where(
        table.c.at_us > from_us,
        table.c.at_us <= until_us,
        table.c.action.in_(("rule.enable", "rule.disable")),
        table.c.what["rule"].as_string() == rule_id,
    )
    row = connection.execute(found.order_by(table.c.at_us.desc(), table.c.id.desc()).limit(1)).first()
    return None if row is None else (row.action == "rule.enable", row.at_us)


def last_document(connection: Connection, rule_id: str) -> Mapping[str, Any] | None:
    """Return what a rule is, or was before it was removed."""
    found = _versions(rule_id).with_only_columns(rule_versions.c.document).limit(2)
    return next((document for document in connection.scalars(found) if document is not None), None)


def _records() -> Any:
    columns = (rules.c.id, rules.c.version, rules.c.document, rules.c.created_us, rules.c.updated_us)
    return select(*columns).where(rules.c.removed_us.is_(None))


def _versions(rule_id: str) -> Any:
    columns = (rule_versions.c.version, rule_versions.c.document, rule_versions.c.who, rule_versions.c.at_us)
    return select(*columns).where(rule_versions.c.rule_id == rule_id).order_by(rule_versions.c.version.desc())


@dataclass(frozen=True, slots=True)
class Who:
    """Who does something (``kind:id``), and in which *farm* the rule is, for the audit log."""

    name: str
    farm: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a change was made for: the version, and whether the rule was switched on."""

    version: int
    enabled: bool

    def demand(self, core: Core, rule_id: str) -> None:
        """Raise ``RuleConflictError`` when that is no longer so; the version itself is looked at when it is stored."""
        try:
            enabled = core.engine.enabled(rule_id)
        except UnknownRuleError:
            return
        if enabled != self.enabled:
            raise RuleConflictError(f"rule {rule_id!r} was switched since", self.version)


@dataclass(frozen=True, slots=True)
class SaveRule:
    """Save a new rule, or with *seen* the next version of one.

    The history of a rule that was removed goes to the next of its id, so only with *reuse* may there be a next.
    """

    writes: ClassVar[bool] = True
    document: Mapping[str, Any]
    who: Who
    seen: Seen | None = None
    reuse: bool = False

    def apply(self, core: Core) -> int:
        """Return the version; raises ``RuleExistsError``, ``RuleConflictError`` or ``InvalidRuleError``."""
        rule_id = self.document["id"]
        if self.seen is not None:
            self.seen.demand(core, rule_id)
        elif _there(core, rule_id) or (not self.reuse and _was_there(core, rule_id)):
            raise RuleExistsError(f"the id {rule_id!r} is taken")
        # Written first: when the engine has taken the rule, nothing may fail any more.
        note(core, self.who, "rule.create" if self.seen is None else "rule.update", {"rule": rule_id})
        return PutRule(self.document, self.who.name, None if self.seen is None else self.seen.version).apply(core)


@dataclass(frozen=True, slots=True)
class DeleteRule:
    """Remove a rule; its versions and executions stay."""

    writes: ClassVar[bool] = True
    rule_id: str
    who: Who
    seen: Seen

    def apply(self, core: Core) -> None:
        """Remove it; raises ``UnknownRuleError`` or ``RuleConflictError``."""
        self.seen.demand(core, self.rule_id)
        note(core, self.who, "rule.delete", {"rule": self.rule_id})
        RemoveRule(self.rule_id, self.who.name, self.seen.version).apply(core)


@dataclass(frozen=True, slots=True)
class SwitchRuleAs:
    """Switch a rule on or off, for somebody."""

    writes: ClassVar[bool] = True
    rule_id: str
    enabled: bool
    who: Who

    def apply(self, core: Core) -> None:
        """Switch it; raises ``UnknownRuleError``."""
        if core.engine.enabled(self.rule_id) != self.enabled:
            note(core, self.who, "rule.enable" if self.enabled else "rule.disable", {"rule": self.rule_id})
        SwitchRule(self.rule_id, self.enabled).apply(core)


@dataclass(frozen=True, slots=True)
class RunRuleAs:
    """Run a rule by hand, for somebody."""

    writes: ClassVar[bool] = True
    run: RunRule
    who: Who

    def apply(self, core: Core) -> Any:
        """Return the ``RunResult``; raises ``UnknownRuleError``."""
        core.engine.rule(self.run.rule_id)
        note(core, self.who, "rule.run", {"rule": self.run.rule_id, "force": self.run.force})
        return self.run.apply(core)


def _there(core: Core, rule_id: str) -> bool:
    try:
        core.engine.enabled(rule_id)
    except UnknownRuleError:
        return False
    return True


def _was_there(core: Core, rule_id: str) -> bool:
    return connection_of(core).execute(select(rules.c.id).where(rules.c.id == rule_id)).first() is not None


def note(core: Core, who: Who, action: str, what: Mapping[str, Any]) -> None:
    """Write down in the audit log what somebody does in this commit."""
    note_in(core, who.name, action, {"farm": who.farm, **what})

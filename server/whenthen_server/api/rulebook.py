"""Rules between the routes and the store: read from a body, found by a path, put where they belong, shown."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from whenthen.analysis.findings import Finding
from whenthen.dsl.compiled import CompiledRule
from whenthen.dsl.rule import RuleCompiler
from whenthen.errors import InvalidRuleError, Problem, UnknownRuleError
from whenthen.runtime.writer import Core
from whenthen_server.api.commit import committed
from whenthen_server.api.etag import etag_of
from whenthen_server.api.instants import iso, iso_or_none, read_instant
from whenthen_server.api.loose import tightened
from whenthen_server.api.parts import Rooms
from whenthen_server.api.request import Request
from whenthen_server.api.rule_place import place_of
from whenthen_server.auth import NOWHERE, Caller, Place, may, reach
from whenthen_server.problems import BadRequest, Forbidden, NotFound
from whenthen_server.store import rules as kept
from whenthen_server.store.database import reading
from whenthen_server.store.rules import RuleRecord, Who

Document = dict[str, Any]

OURS = frozenset({"version", "warnings", "missed_runs", "created_at", "updated_at", "last_executed", "execution_count"})
"""What the answers have and the server alone writes: ignored on input, so that what was read can be sent back."""

GONE = "The rule was there a moment ago, and is gone now."


@dataclass(frozen=True, slots=True)
class Live:
    """What the engine knows of a rule."""

    enabled: bool
    counters: Mapping[str, int | None]
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """Ask the engine about rules; those that it does not hold are left out."""

    writes: ClassVar[bool] = False
    rule_ids: tuple[str, ...]

    def apply(self, core: Core) -> dict[str, Live]:
        """Return what it knows."""
        found = {}
        for rule_id in self.rule_ids:
            try:
                enabled = core.engine.enabled(rule_id)
            except UnknownRuleError:
                continue
            found[rule_id] = Live(enabled, core.engine.counters(rule_id), tuple(core.engine.warnings(rule_id)))
        return found


class Rulebook:
    """What the routes of rules share."""

    def __init__(self, parts: Rooms) -> None:
        self.parts = parts
        self._compiler = RuleCompiler(parts.registry)

    # From outside

    def given(self, body: Any) -> Any:
        """Return the rule of a body, in our shape; raises ``InvalidRuleError`` for one that could mean two things."""
        return tightened(_without_ours(body)).document

    def checked(self, body: Any, rule_id: str | None = None) -> Document:
        """Return the rule of a body, valid, with an id; raises ``InvalidRuleError`` with every problem."""
        translation = tightened(_without_ours(body))
        document = translation.document
        try:
            self._compiler.compile(document)
        except InvalidRuleError as error:
            raise InvalidRuleError(tuple(map(translation.original, error.problems)), error.rule) from error
        named = document.setdefault("id", rule_id or f"rule_{uuid.uuid4().hex}")
        if rule_id is not None and named != rule_id:
            problem = Problem("bad_value", "/id", f"is not the id of this rule, {rule_id!r}", "leave it out")
            raise InvalidRuleError((problem,), document["name"])
        if not _fits_in_a_path(named):
            hint = "use letters, digits and - _ . :"
            raise InvalidRuleError((Problem("bad_value", "/id", "cannot stand in an address", hint),), document["name"])
        return dict(document)

    def compiled(self, document: Mapping[str, Any]) -> CompiledRule:
        """Return a rule as the engine has it; raises ``InvalidRuleError``."""
        return self._compiler.compile(dict(document))

    # Kept

    def find(self, rule_id: str) -> RuleRecord | None:
        """Return a rule, or ``None``."""
        with reading(self.parts.database) as connection:
            return kept.find(connection, rule_id)

    def of(self, request: Request) -> RuleRecord:
        """Return the rule that a path names; raises ``NotFound``."""
        record = self.find(request.path["rule_id"])
        if record is None:
            raise NotFound(GONE)
        return record

    def live(self, rule_id: str) -> Live:
        """Return what the engine knows of a rule."""
        found = committed(self.parts.runtime, Look((rule_id,))).get(rule_id)
        if found is None:
            raise NotFound(GONE)
        return found

    # Where it is

    def place_of(self, document: Any) -> Place:
        """Return where a rule is; a document that is no rule is nowhere."""
        if not isinstance(document, Mapping):
            return NOWHERE
        return place_of(document, self.parts.places, self._document)

    def place(self, request: Request) -> Place | None:
        """Return where the rule of a path is, ``None`` if there is none."""
        record = self.find(request.path["rule_id"])
        return None if record is None else self.place_of(record.document)

    def demand(self, caller: Any, verb: str, document: Any) -> None:
        """Return if the caller may do *verb* to such a rule; the refusal says how it could be one of theirs."""
        try:
            self.parts.demand(caller, "rule", verb, self.place_of(document))
        except Forbidden as error:
            hint = "A rule is in a room or farm if its scope names it and all devices and rules that it names are there"
            raise Forbidden(f"{error.detail} {hint}.", code=error.code) from error

    def sees(self, caller: Caller, resource: str) -> Callable[[Any], bool]:
        """Return what tells whether the caller may read a *resource* of a rule of such a document."""
        # Not "list": that asks whether there may be anything to see at a place, not whether this may be seen.
        if reach(caller, resource, "read").everything:
            return lambda _document: True
        return lambda document: may(caller, resource, "read", self.place_of(document))

    def _document(self, rule_id: str) -> Mapping[str, Any] | None:
        record = self.find(rule_id)
        return None if record is None else record.document

    # Beside others

    def introduced(
        self, caller: Caller, document: Mapping[str, Any], before: Mapping[str, Any] | None
    ) -> list[Finding]:
        """Return what a rule brings that was not there *before*, as far as the caller may see the rules concerned."""
        found = self.parts.collisions.introduced(
            self.compiled(document), None if before is None else self.compiled(before)
        )
        sees, own = self.sees(caller, "rule"), document.get("id")
        others = {one for finding in found for one in finding.rules if one != own}
        hidden = {one for one in others if not sees(self._document(one))}
        return [finding for finding in found if not hidden & {*finding.rules, *finding.witness.rules}]

    # To outside

    def shown(self, record: RuleRecord, live: Live) -> Document:
        """Return a rule as the answers have it."""
        counters = live.counters
        return {
            **record.document,
            "enabled": live.enabled,
            "version": record.version,
            "created_at": iso(record.created_us),
            "updated_at": iso(record.updated_us),
            "last_executed": iso_or_none(counters["last_executed_us"]),
            "execution_count": counters["execution_count"],
            "missed_runs": counters["missed_runs"],
            "warnings": [problem.to_json() for problem in live.warnings],
        }


def who(caller: Caller, farm: str | None) -> Who:
    """Return who does something to a rule of a farm, as the audit log has it."""
    return Who(f"{caller.kind}:{caller.id}", farm)


def instant_of(given: Mapping[str, Any], name: str) -> int | None:
    """Return an instant of a query or body, ``None`` if it is not given; raises ``BadRequest``."""
    text = given.get(name)
    if text is None:
        return None
    try:
        return read_instant(text)
    except ValueError as error:
        found = {"pointer": f"/{name}", "message": str(error), "hint": "such as 2026-01-01T00:00:00Z"}
        raise BadRequest(f"/{name}: {error}.", code="invalid_query", errors=[found]) from None


def warning_of(finding: Finding) -> dict[str, Any]:
    """Return a finding in the shape of a rule's problem."""
    told = {"code": finding.kind, "pointer": finding.pointer, "message": finding.message, "hint": finding.mend}
    return {**told, "severity": "warning", "grade": finding.grade, "rules": list(finding.rules)}


def tag_of(record: RuleRecord, live: Live) -> str:
    """Return the tag of a rule's version; one that was switched is another."""
    return etag_of(record.id, record.version, str(live.enabled))


def _without_ours(body: Any) -> Any:
    return {name: value for name, value in body.items() if name not in OURS} if isinstance(body, dict) else body


def _fits_in_a_path(rule_id: str) -> bool:
    return rule_id.isprintable() and not any(sign in rule_id for sign in "/\\?#%") and rule_id.strip(". ") == rule_id

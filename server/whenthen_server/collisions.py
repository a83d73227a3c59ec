"""Saved rules kept ready for the analysis, so that a rule is compared with all others while it is saved."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Engine

from whenthen.analysis.analyse import Analysis
from whenthen.analysis.findings import Finding
from whenthen.analysis.physics import Effects, read_effects, shipped_effects
from whenthen.clock import Clock, to_us
from whenthen.dsl.compiled import CompiledRule
from whenthen.dsl.read import read_json
from whenthen.errors import InvalidRuleError, WhenthenError
from whenthen.extend.registry import Registry
from whenthen.ports import Directory
from whenthen_server.store import rules as kept
from whenthen_server.store.database import reading

MOST_RULES = 20_000
"""With more rules than this none are compared while one is saved; ``whenthen check`` still does it."""
MOST_FINDINGS = 50
"""So many findings about one rule are told."""

_DAY_US = 86_400_000_000
_log = logging.getLogger(__name__)


class Collisions:
    """What one rule would do to those that are saved, and they to it.

    What was worked out of a saved rule is kept by its version. One thread at a time looks; all of it is in memory,
    bounded by ``MOST_RULES``.
    """

    def __init__(
        self, registry: Registry, directory: Directory, database: Engine, clock: Clock, effects: Effects
    ) -> None:
        self._registry = registry
        self._directory = directory
        self._database = database
        self._clock = clock
        self._effects = effects
        self._lock = Lock()
        self._versions: dict[str, int] = {}
        self._analysis = self._begin(0)
        self._begun_us = 0

    def about(self, rule: CompiledRule) -> list[Finding]:
        """Return the findings about a rule, had it been saved just now in the place of one of its id."""
        with self._lock:
            if not self._follow(but=rule.id):
                return []
            try:
                self._analysis.put(rule)
                return self._analysis.findings_of(rule.id)
            finally:
                # What is saved is taken up anew from the store, in the version that it has there.
                self._analysis.remove(rule.id)
                self._versions.pop(rule.id, None)

    def introduced(self, rule: CompiledRule, before: CompiledRule | None) -> list[Finding]:
        """Return what is found about a rule and was not found about what it was *before*."""
        try:
            known = set() if before is None else {finding.key for finding in self.about(before)}
            return [finding for finding in self.about(rule) if finding.key not in known][:MOST_FINDINGS]
        except Exception:  # noqa: BLE001 - see below
            # The rule may be saved already, and a plugin may raise anything: advice is no reason to fail.
            _log.exception("rule %s could not be compared with the others", rule.id)
            return []

    def _begin(self, now_us: int) -> Analysis:
        return Analysis(self._registry, self._directory, self._effects, now_us=now_us)

    def _follow(self, but: str) -> bool:
        """Take up what was saved, changed and removed since the last look; tell whether there is room for all."""
        now_us = to_us(self._clock.now())
        if now_us - self._begun_us > _DAY_US:
            self._analysis, self._begun_us = self._begin(now_us), now_us
            self._versions.clear()
        with reading(self._database) as connection:
            present = kept.present_versions(connection)
            if len(present) > MOST_RULES:
                return False
            for rule_id in self._versions.keys() - present.keys():
                self._analysis.remove(rule_id)
                del self._versions[rule_id]
            changed = [one for one, version in present.items() if one != but and self._versions.get(one) != version]
            for record in kept.found(connection, changed):
                self._take(record.id, record.version, record.document)
        return True

    def _take(self, rule_id: str, version: int, document: Mapping[str, Any]) -> None:
        self._versions[rule_id] = version
        try:
            self._analysis.put(self._analysis.compiler.compile({**document, "id": rule_id}))
        except InvalidRuleError:
            self._analysis.remove(rule_id)  # saved when a plugin was there that is not now


def effects_of(path: Path | None) -> Effects:
    """Return the table of effects of a file, or the shipped one; a file that cannot be used is told and left alone."""
    if path is None:
        return shipped_effects()
    try:
        return read_effects(read_json(path.read_text(encoding="utf-8-sig")))
    except (WhenthenError, OSError, UnicodeDecodeError) as error:
        _log.warning("automation.effects: %s: %s; the table that comes with whenthen is used", path, error)
        return shipped_effects()

"""The analysis as a whole: rules in, findings out, in an order that does not depend on chance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from whenthen.analysis.calendar import week_of
from whenthen.analysis.chains import loops, reverts
from whenthen.analysis.conflicts import judged
from whenthen.analysis.defects import defects
from whenthen.analysis.facts import Facts, Gatherer
from whenthen.analysis.findings import Finding
from whenthen.analysis.graph import Graph
from whenthen.analysis.groups import group_conflicts
from whenthen.analysis.guards import blocks, bypasses
from whenthen.analysis.index import Index
from whenthen.analysis.physics import Effects, shipped_effects
from whenthen.analysis.placing import Placing
from whenthen.analysis.shadows import shadows
from whenthen.analysis.stageplay import Theatre
from whenthen.analysis.trial import Context
from whenthen.clock import MINUTE_US
from whenthen.dsl.compiled import CompiledRule
from whenthen.dsl.rule import RuleCompiler
from whenthen.extend.registry import Registry
from whenthen.flow.subjects import Subjects
from whenthen.ports import Directory


class Analysis:
    """Rules that are looked at together; one may be put beside the others to see what it alone would bring.

    *now_us* is the instant from which on histories are made (microseconds since the epoch).
    """

    def __init__(  # noqa: PLR0913 - what is given to it
        self,
        registry: Registry,
        directory: Directory | None = None,
        effects: Effects | None = None,
        *,
        now_us: int,
        timezone: str = "UTC",
        use_z3: bool = True,
    ) -> None:
        effects = effects or shipped_effects()
        self.compiler = RuleCompiler(registry)
        self._gatherer = Gatherer(registry, Subjects(directory, timezone), effects, week_of(now_us))
        self._context = Context(
            registry,
            Placing(directory),
            Theatre(registry, timezone, self.compiler),
            effects,
            registry.expression_functions(),
            now_us - now_us % MINUTE_US,
            use_z3=use_z3,
        )
        self._facts: dict[str, Facts] = {}
        self._index = Index()
        self._graph = Graph(effects)

    def put(self, rule: CompiledRule) -> Facts:
        """Take a rule in, in the place of one of the same id."""
        self.remove(rule.id)
        facts = self._gatherer.of(rule)
        self._facts[rule.id] = facts
        if rule.enabled:
            self._index.add(facts)
            self._graph.add(facts)
        return facts

    def remove(self, rule_id: str) -> None:
        """Forget a rule, if it is there."""
        facts = self._facts.pop(rule_id, None)
        if facts is not None:
            self._index.remove(facts)
            self._graph.remove(facts)

    def findings(self) -> list[Finding]:
        """Return everything there is to say about the rules, alone and together."""
        return _told_once(self._all())

    def findings_of(self, rule_id: str) -> list[Finding]:
        """Return what concerns one rule: what it would introduce, had it been the last to come."""
        facts = self._facts[rule_id]
        return _told_once(self._about(facts))

    def undeclared(self) -> dict[str, tuple[str, ...]]:
        """Return, by rule, the parts that say nothing of what they do; they are neither found nor safe."""
        return {rule_id: facts.undeclared for rule_id, facts in sorted(self._facts.items()) if facts.undeclared}

    def _all(self) -> Iterator[Finding]:
        for facts in self._facts.values():
            yield from defects(self._context, facts)
        yield from self._pairs(self._index.pairs())
        enabled = [self._graph.facts[rule_id] for rule_id in sorted(self._graph.facts)]
        yield from self._chains(enabled)
        yield from group_conflicts(self._context, self._graph.facts)

    def _about(self, facts: Facts) -> Iterator[Finding]:
        yield from defects(self._context, facts)
        if facts.rule.enabled:
            yield from self._pairs(self._index.pairs_with(facts))
            yield from self._chains([facts])
            yield from group_conflicts(self._context, self._graph.facts, facts.id)

    def _chains(self, starts: Sequence[Facts]) -> Iterator[Finding]:
        yield from loops(self._context, self._graph, starts)
        yield from reverts(self._context, self._graph, starts)

    def _pairs(self, pairs: Iterable[Any]) -> Iterator[Finding]:
        for kind, name, pair in pairs:
            if kind == "condition_bypass":
                yield from bypasses(self._context, *pair)
                continue
            if kind == "condition_block":
                (first, second), others = pair, self._graph.facts.values()
                both = (first, second), (second, first)
                found = [blocks(self._context, blocked, blocker, others) for blocked, blocker in both]
                yield from (finding for finding in found if finding is not None)
                continue
            conflict = judged(self._context, kind, name, pair)
            if conflict is not None:
                yield conflict
            if kind == "action_conflict":
                yield from shadows(self._context, *pair)


def _told_once(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in order; what one finding explains better is not told by another as well."""
    found = {finding.key: finding for finding in findings}
    looping = {rules for kind, rules, _, _ in found if kind == "action_loop"}
    reverted = {(frozenset(one.rules), one.subject) for one in found.values() if one.kind == "action_revert"}

    def explained(finding: Finding) -> bool:
        rules = frozenset(finding.rules)
        if finding.kind == "action_revert":
            return any(rules <= {*loop} for loop in looping)
        return finding.kind == "action_conflict" and (rules, finding.subject) in reverted

    return [found[key] for key in sorted(found) if not explained(found[key])]


def analyse(  # noqa: PLR0913 - what is given to it
    rules: Iterable[Mapping[str, Any]],
    registry: Registry,
    directory: Directory | None = None,
    effects: Effects | None = None,
    *,
    now_us: int,
    timezone: str = "UTC",
    use_z3: bool = True,
) -> list[Finding]:
    """Return what there is to say about rule documents, all of them valid; raises ``InvalidRuleError`` otherwise.

    >>> from whenthen.extend.host import load_registry
    >>> hot = {"name": "Hot", "trigger": {"type": "sensor", "config": {"sensor": "temperature"}}, "conditions": [
    ...     {"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 40}},
    ...     {"type": "comparison", "config": {"sensor": "temperature", "operator": "<", "value": 30}}],
    ...     "actions": [{"type": "log", "config": {"message": "hot"}}]}
    >>> [(finding.kind, finding.grade) for finding in analyse([hot], load_registry(), now_us=0)]
    [('never_fires', 'certain')]
    """
    analysis = Analysis(registry, directory, effects, now_us=now_us, timezone=timezone, use_z3=use_z3)
    for document in rules:
        analysis.put(analysis.compiler.compile(dict(document)))
    return analysis.findings()

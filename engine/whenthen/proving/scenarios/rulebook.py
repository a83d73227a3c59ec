"""The rules of a scenario: read from files or given in it, and found by id or by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from whenthen.dsl.read import read_rules, rule_id_of
from whenthen.dsl.rule import RuleCompiler
from whenthen.errors import InvalidRuleError, Problem
from whenthen.extend.registry import Registry


class Rulebook:
    """Rules by id and by name. *whole* is false when some could not be read: then a name may be that of a lost one."""

    def __init__(self, rules: Iterable[Mapping[str, Any]] = (), *, whole: bool = True) -> None:
        self.rules = tuple(rules)
        self._whole = whole
        self._ids: dict[str, list[str]] = {}
        for rule in self.rules:
            for told in {rule["id"], rule["name"]}:
                self._ids.setdefault(told, []).append(rule["id"])

    def find(self, told: str, pointer: str, problems: list[Problem]) -> str:
        """Return the id of the rule of that id or name; what is wrong with it is added to *problems*.

        >>> book, problems = Rulebook([{"id": "r1", "name": "Warm"}]), []
        >>> book.find("Warm", "/timeline/0/run", problems), book.find("Wram", "/expect/0/rule", problems)
        ('r1', '')
        >>> print(*problems)
        /expect/0/rule: there is no rule 'Wram' (did you mean 'Warm'?)
        """
        found = self._ids.get(told, [])
        if len(found) == 1 or told in found:
            return told if told in found else found[0]
        if found:
            message = f"{len(found)} rules are called {told!r}"
            problems.append(Problem("ambiguous_rule", pointer, message, f"give an id: {', '.join(found)}"))
        elif self._whole:
            problems.append(_unknown(told, pointer, list(self._ids)))
        return ""


def read_rulebook(
    given: Sequence[Any], only: Sequence[str], folder: Path, registry: Registry, problems: list[Problem]
) -> Rulebook:
    """Return the rules that a scenario's ``rules`` and ``only`` name; all that is wrong is added to *problems*.

    Paths are relative to *folder*, the scenario's own.
    """
    before = len(problems)
    found = [one for index, item in enumerate(given) for one in _given(item, f"/rules/{index}", folder, problems)]
    whole = len(problems) == before
    if only:
        found = _chosen(found, only, problems, whole=whole)
    compiler = RuleCompiler(registry)
    rules: dict[str, Mapping[str, Any]] = {}
    for one in found:
        try:
            compiler.compile(one.document)
        except InvalidRuleError as error:
            problems += map(one.told, error.problems)
            whole = False
            continue
        rule_id = one.document.get("id") or rule_id_of(one.document)
        if rule_id in rules:
            message = f"the id {rule_id!r} is given twice"
            problems.append(
                one.told(Problem("duplicate_id", "", message, "name each rule once, with an id of its own"))
            )
        rules[rule_id] = {**one.document, "id": rule_id}
    return Rulebook(rules.values(), whole=whole)


@dataclass(frozen=True, slots=True)
class _Given:
    """A rule that a scenario gives at *pointer*; *file* says where it was read, if it was."""

    pointer: str
    file: str
    document: Any

    def told(self, problem: Problem) -> Problem:
        """Return a problem of the rule as one of the scenario."""
        if not self.file:
            return problem.below(self.pointer)
        message = f"{self.file}: {problem.pointer or '/'}: {problem.message}"
        return Problem(problem.code, self.pointer, message, problem.hint, problem.severity)

    def called(self, told: str) -> bool:
        """Tell whether this is the rule of that id or name."""
        return isinstance(self.document, dict) and told in (self.document.get("id"), self.document.get("name"))


def _given(item: Any, pointer: str, folder: Path, problems: list[Problem]) -> Iterator[_Given]:
    if not isinstance(item, str):
        yield _Given(pointer, "", item)
        return
    sources, bad = read_rules(folder / item)
    for wrong in (found.problem for found in bad):
        problems += [Problem(wrong.code, pointer, f"{item}: {wrong.message}", wrong.hint)]
    for source in sources:
        yield _Given(pointer, f"{item} {source.pointer_prefix}".rstrip(), source.document)


def _chosen(found: Sequence[_Given], only: Sequence[str], problems: list[Problem], *, whole: bool) -> list[_Given]:
    names = [one.document["name"] for one in found if isinstance(one.document, dict) and "name" in one.document]
    for index, told in enumerate(only):
        if whole and not any(one.called(told) for one in found):
            problems.append(_unknown(told, f"/only/{index}", [name for name in names if isinstance(name, str)]))
    return [one for one in found if any(map(one.called, only))]


def _unknown(told: str, pointer: str, names: Sequence[str]) -> Problem:
    near = get_close_matches(told, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
    return Problem("unknown_rule", pointer, f"there is no rule {told!r}", hint)

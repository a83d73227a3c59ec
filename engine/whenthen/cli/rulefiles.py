"""Rules in files, put into an engine one by one: what became of each, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from whenthen.cli.lines import one_line
from whenthen.dsl.read import RuleSource, read_rules, rule_id_of
from whenthen.engine import Engine
from whenthen.errors import InvalidRuleError, Problem


@dataclass(frozen=True, slots=True)
class CheckedRule:
    """One rule of a file; *pointer* is where it stands in it, ``""`` when the file is the rule."""

    file: Path
    pointer: str
    id: str
    name: str
    problems: tuple[Problem, ...]

    @property
    def good(self) -> bool:
        """Tell whether the rule runs; warnings do not stop it."""
        return not any(problem.severity == "error" for problem in self.problems)

    def lines(self) -> Iterator[str]:
        """Yield a line for each problem, with the place seen from the file."""
        for problem in self.problems:
            yield one_line(f"{self.file}: {problem.severity}: {problem.below(self.pointer)}")

    def to_json(self) -> dict[str, Any]:
        """Return the rule as ``check --json`` prints it; the problems' pointers are within the rule."""
        return {
            "file": str(self.file),
            "pointer": self.pointer,
            "id": self.id,
            "name": self.name,
            "problems": [problem.to_json() for problem in self.problems],
        }


def into_engine(engine: Engine, paths: Sequence[Path]) -> list[CheckedRule]:
    """Put every valid rule of the files and folders into *engine*; tell of each rule, and of each unreadable file.

    Raises ``click.BadParameter`` when there is nothing that could be a rule.
    """
    checked: list[CheckedRule] = []
    taken: dict[str, str] = {}
    for path in paths:
        sources, problems = read_rules(path)
        if path.is_dir() and not sources:
            problems = [problem for problem in problems if problem.path != path]
        checked += [CheckedRule(found.path, "", "", "", (found.problem,)) for found in problems]
        checked += [_put(engine, source, taken) for source in sources]
    if not checked:
        named = ", ".join(map(str, paths))
        message = f"there are no rules in {named}; name a .json file, or a folder of them"
        raise click.BadParameter(message, param_hint="RULES")
    return checked


def _put(engine: Engine, source: RuleSource, taken: dict[str, str]) -> CheckedRule:
    document, path, pointer = source.document, source.path, source.pointer_prefix
    name = _text(document, "name")
    try:
        _refuse_twin(_text(document, "id"), taken)
        engine.put_rule(document)
        rule_id = _text(document, "id") or rule_id_of(document)
        # Without an id of their own, rules of one content are one rule.
        _refuse_twin(rule_id, taken)
    except InvalidRuleError as error:
        return CheckedRule(path, pointer, _text(document, "id"), name, error.problems)
    taken[rule_id] = f"{path} {pointer}".rstrip()
    return CheckedRule(path, pointer, rule_id, name, tuple(engine.warnings(rule_id)))


def _text(document: Any, field: str) -> str:
    value = document.get(field) if isinstance(document, dict) else None
    return value if isinstance(value, str) else ""


def _refuse_twin(rule_id: str, taken: dict[str, str]) -> None:
    if rule_id in taken:
        message = f"the id {rule_id!r} is taken by {taken[rule_id]}"
        raise InvalidRuleError((Problem("duplicate_id", "/id", message, "give each rule an id of its own"),))

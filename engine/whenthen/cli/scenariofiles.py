"""Scenarios and rules that a command is given: files and folders, all of which must be sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from whenthen.cli.lines import one_line
from whenthen.dsl.read import SCENARIO_ENDING, read_rules, rule_id_of
from whenthen.dsl.rule import RuleCompiler
from whenthen.errors import InvalidRuleError
from whenthen.extend.registry import Registry
from whenthen.proving.scenarios.scenario import Scenario, read_scenario_file
from whenthen.proving.unsound import InvalidScenarioError


@dataclass(frozen=True, slots=True)
class Source:
    """A rule's *document*, with its id, and the *file* it is in, if it is in one of its own kind."""

    document: Mapping[str, Any]
    file: Path | None = None


def scenarios_of(paths: Iterable[Path], registry: Registry) -> dict[str, Scenario]:
    """Return the scenarios by file; raises ``click.UsageError`` with every problem of those that cannot be run."""
    found: dict[str, Scenario] = {}
    wrong: list[str] = []
    for file in dict.fromkeys(_files(paths)):
        try:
            found[str(file)] = read_scenario_file(file, registry)
        except InvalidScenarioError as error:
            wrong += [f"{file}: {problem}" for problem in error.problems]
    _stop(wrong)
    return found


def sources_of(paths: Sequence[Path], scenarios: Mapping[str, Scenario], registry: Registry) -> list[Source]:
    """Return the rules of files and folders, or without any those that scenarios play.

    Raises ``click.UsageError`` with every problem of those that are not valid.
    """
    if not paths:
        played: list[Source] = []
        for scenario in scenarios.values():
            played += [Source(rule) for rule in scenario.rules if all(rule != one.document for one in played)]
        return played
    compiler = RuleCompiler(registry)
    found: list[Source] = []
    wrong: list[str] = []
    for path in paths:
        sources, problems = read_rules(path)
        wrong += [f"{one.path}: {one.problem}" for one in problems]
        for source in sources:
            try:
                compiler.compile(source.document)
            except InvalidRuleError as error:
                place = f"{source.path} {source.pointer_prefix}".rstrip()
                wrong += [f"{place}: {problem}" for problem in error.problems]
                continue
            rule_id = source.document.get("id") or rule_id_of(source.document)
            found.append(Source({**source.document, "id": rule_id}, source.path))
    _stop(wrong)
    return found


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = sorted(path.rglob(f"*{SCENARIO_ENDING}"))
            if not inside:
                raise click.BadParameter(f"there is no *{SCENARIO_ENDING} in {path}", param_hint="SCENARIOS")
            yield from inside
        elif path.name.endswith(SCENARIO_ENDING):
            yield path
        else:
            raise click.BadParameter(f"{path} is no *{SCENARIO_ENDING}", param_hint="SCENARIOS")


def _stop(wrong: Sequence[str]) -> None:
    if wrong:
        raise click.UsageError("\n".join(map(one_line, wrong)))

"""``whenthen coverage``: how much of their rules scenarios put to the test, and what is missing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from os.path import relpath
from pathlib import Path
from typing import Any

import click

from whenthen.cli.lines import one_line
from whenthen.cli.options import FiniteRange, as_json
from whenthen.cli.output import Output
from whenthen.cli.scenariofiles import Source, scenarios_of, sources_of
from whenthen.cli.wanted import plugin_options, registry_of
from whenthen.extend.registry import Registry
from whenthen.proving.mutation.coverage import Coverage, RuleCoverage, cover
from whenthen.proving.mutation.explore import explore
from whenthen.proving.mutation.suggest import Suggestion, file_name, suggest
from whenthen.proving.mutation.suggest import written as written_out

_SHOWN = 20
"""So many living mutants of a rule are shown; ``--json`` has them all."""


@click.command()
@click.argument("scenarios", nargs=-1, metavar="SCENARIOS...", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--rules",
    "rule_paths",
    multiple=True,
    metavar="RULES",
    type=click.Path(exists=True, path_type=Path),
    help="The rules to look at; may be given several times. Without it, those that the scenarios play.",
)
@click.option(
    "--suggest",
    "folder",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Search for what the scenarios miss, and write a scenario for it there.",
)
@click.option(
    "--fail-under",
    metavar="PERCENT",
    type=FiniteRange(0, 100),
    help="Exit with 1 when fewer of the mutants are noticed, or when a scenario fails.",
)
@click.option("--seed", default=0, show_default=True, help="Another seed searches in other places.")
@as_json
@plugin_options
@click.pass_context
def coverage(  # noqa: PLR0913, PLR0917 - one argument an option
    context: click.Context,
    scenarios: tuple[Path, ...],
    rule_paths: tuple[Path, ...],
    folder: Path | None,
    fail_under: float | None,
    seed: int,
    as_json: bool,
) -> None:
    """Tell how much of their rules SCENARIOS put to the test.

    SCENARIOS are *.scenario.json files, or folders that are searched for them. For each rule: which truths its
    conditions had, which triggers started it, whether it fired, cleared and was blocked by its cooldown; and how many
    of its mutants (the rule with one mistake in it) some scenario notices.
    """
    if not scenarios and not rule_paths:
        raise click.UsageError("give SCENARIOS, or --rules with what there is to test")
    registry = registry_of(context)
    read = scenarios_of(scenarios, registry)
    sources = sources_of(rule_paths, read, registry)
    found = cover(read, registry, [source.document for source in sources])
    written = [] if folder is None else _suggested(found, sources, registry, folder, seed)
    if as_json:
        told = [one.to_json() | {"suggested": _paths(written, one)} for one in found.rules]
        click.echo(json.dumps({"score": round(found.score, 4), "failing": found.failing, "rules": told}, indent=2))
    else:
        Output().lines(map(one_line, _lines(found, written)))
    under = fail_under is not None and (found.failing or found.score * 100 < fail_under)
    sys.exit(1 if under else 0)


Written = tuple[RuleCoverage, Suggestion, Path]


def _suggested(
    found: Coverage, sources: Sequence[Source], registry: Registry, folder: Path, seed: int
) -> list[Written]:
    """Write scenarios for what the given ones miss; return them with the files that they are in."""
    written: list[Written] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one, source in zip(found.rules, sources, strict=True):
            alive = [index for index in range(len(one.mutants.made)) if index not in one.killed]
            searched = explore(one.rule, registry, seed=seed, alive=alive, missing=one.missing)
            rule: str | Mapping[str, Any] = one.rule
            if source.file is not None:
                rule = Path(relpath(source.file.resolve(), folder.resolve())).as_posix()
            for made in suggest(searched, registry, rule, folder, first=_free(folder, one)):
                path = folder / file_name(made.name)
                path.write_text(written_out(made.document), encoding="utf-8")
                written.append((one, made, path))
    except OSError as error:
        raise click.BadParameter(f"{error.filename}: {error.strerror}", param_hint="--suggest") from None
    return written


def _free(folder: Path, one: RuleCoverage) -> int:
    """Return the first number from which on no file of that name is there."""
    numbers = [
        number for number in range(1, 1_000) if (folder / file_name(f"{one.rule['name']}, found {number}")).exists()
    ]
    return max(numbers, default=0) + 1


def _paths(written: Sequence[Written], wanted: RuleCoverage) -> list[str]:
    return [str(path) for one, _, path in written if one is wanted]


def _lines(found: Coverage, written: Sequence[Written]) -> Iterator[str]:
    for name in found.failing:
        yield f"{name} fails as it stands and is not counted; whenthen test says why"
    for one in found.rules:
        yield from _rule_lines(one)
    for _, made, path in written:
        count = len(made.kills)
        does = f"notices {count} more mutant{'s' * (count != 1)}" if count else "reaches an outcome that none did"
        yield f"written: {path}, {does}"
    made_in_all = sum(len(one.mutants.made) for one in found.rules)
    killed = sum(len(one.killed) for one in found.rules)
    missing = sum(len(one.missing) for one in found.rules)
    possible = sum(len(one.possible) for one in found.rules)
    yield (
        f"{len(found.rules):,} rule{'s' * (len(found.rules) != 1)}: {killed:,} of {made_in_all:,} mutants noticed "
        f"({found.score:.0%}), {possible - missing:,} of {possible:,} outcomes reached"
    )
    if written:
        killed += sum(len(made.kills) for _, made, _ in written)
        yield f"with what was written: {killed:,} of {made_in_all:,} mutants ({killed / made_in_all:.0%})"


def _rule_lines(one: RuleCoverage) -> Iterator[str]:
    reached = len(one.possible) - len(one.missing)
    yield (
        f"{one.rule['name']}: {len(one.killed)} of {len(one.mutants.made)} mutants noticed ({one.score:.0%}), "
        f"{reached} of {len(one.possible)} outcomes reached, in {len(one.scenarios)} scenario"
        f"{'s' * (len(one.scenarios) != 1)}"
    )
    yield from (f"    not reached: {told}" for told in one.unreached())
    alive = one.alive
    yield from (f"    not noticed: {mutant.told} at {mutant.pointer}" for mutant in alive[:_SHOWN])
    if len(alive) > _SHOWN:
        yield f"    … and {len(alive) - _SHOWN} more mutants"
    if one.mutants.equivalent:
        yield f"    left out: {len(one.mutants.equivalent)} that mean the same as the rule"

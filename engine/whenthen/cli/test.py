"""``whenthen test``: whether rules do what their scenarios expect."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from whenthen.cli.lines import one_line
from whenthen.cli.options import as_json
from whenthen.cli.output import Output
from whenthen.cli.wanted import plugin_options, registry_of
from whenthen.extend.registry import Registry
from whenthen.proving.keep import keep
from whenthen.proving.scenario import ENDING
from whenthen.proving.verdict import Verdict, scenario_verdict

KINDS: Mapping[str, Callable[[Path, Registry], Verdict]] = {ENDING: scenario_verdict}
"""What judges a file, by how its name ends."""


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILES...", type=click.Path(exists=True, path_type=Path))
@as_json
@click.option(
    "--keep",
    "kept",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the rules and the history of each failure there, with the whenthen replay line that shows it.",
)
@plugin_options
@click.pass_context
def test(context: click.Context, files: tuple[Path, ...], as_json: bool, kept: Path | None) -> None:
    """Tell whether rules do what is expected of them in FILES.

    FILES are scenarios (*.scenario.json), or folders that are searched for them.
    """
    found = list(dict.fromkeys(_found(files)))
    registry = registry_of(context)
    verdicts = [_judge(file)(file, registry) for file in found]
    commands = _keep(verdicts, kept) if kept is not None else {}
    if as_json:
        told = [verdict.to_json() | _replay(commands, verdict) for verdict in verdicts]
        click.echo(json.dumps(told, indent=2))
    else:
        Output().lines(map(one_line, _lines(verdicts, commands)))
    sys.exit(0 if all(verdict.outcome == "passed" for verdict in verdicts) else 1)


def _found(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files; raises ``click.BadParameter`` for one whose kind nobody knows, and for a folder without any."""
    endings = " or ".join(f"*{ending}" for ending in KINDS)
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*.json") if file.name.endswith(tuple(KINDS)))
            if not inside:
                raise click.BadParameter(f"there is no {endings} in {path}", param_hint="FILES")
            yield from inside
        elif path.name.endswith(tuple(KINDS)):
            yield path
        else:
            raise click.BadParameter(f"{path} is no {endings}", param_hint="FILES")


def _judge(file: Path) -> Callable[[Path, Registry], Verdict]:
    return next(judge for ending, judge in KINDS.items() if file.name.endswith(ending))


def _lines(verdicts: Sequence[Verdict], commands: Mapping[Path, str]) -> Iterator[str]:
    widest = max(len(str(verdict.file)) for verdict in verdicts)
    for verdict in verdicts:
        yield f"{verdict.outcome.ljust(7)}  {str(verdict.file).ljust(widest)}  {verdict.name}".rstrip()
        yield from (f"    {line}" for line in verdict.lines())
        if verdict.file in commands:
            yield f"    see it with: {commands[verdict.file]}"
    counts = Counter(verdict.outcome for verdict in verdicts)
    total = f"{len(verdicts):,} scenario{'s' * (len(verdicts) != 1)}"
    yield ", ".join(
        [total, *(f"{counts[outcome]:,} {outcome}" for outcome in ("passed", "failed", "invalid") if counts[outcome])]
    )
    if counts["failed"] and not commands:
        yield "to see what happened in a failure, add --keep FOLDER"


def _keep(verdicts: Iterable[Verdict], folder: Path) -> dict[Path, str]:
    """Write each failure into a folder of its own; return by file the command that shows it."""
    commands: dict[Path, str] = {}
    taken: Counter[str] = Counter()
    for verdict in verdicts:
        if verdict.failures and verdict.played is not None:
            name = verdict.file.name.partition(".")[0]
            taken[name] += 1
            place = folder / (name if taken[name] == 1 else f"{name}-{taken[name]}")
            try:
                commands[verdict.file] = keep(place, verdict.played, verdict.places)
            except OSError as error:
                raise click.BadParameter(f"{place}: {error.strerror}", param_hint="--keep") from None
    return commands


def _replay(commands: Mapping[Path, str], verdict: Verdict) -> dict[str, Any]:
    return {"replay": commands[verdict.file]} if verdict.file in commands else {}

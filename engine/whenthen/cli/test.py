"""``whenthen test``: whether rules do what their scenarios expect, and keep what they promise."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from whenthen.cli.lines import one_line
from whenthen.cli.options import as_json
from whenthen.cli.output import Output
from whenthen.cli.promises import effort_of, search_options
from whenthen.cli.wanted import plugin_options, registry_of
from whenthen.dsl.read import SCENARIO_ENDING, TEST_ENDINGS, UnreadableFileError, read_json, read_text
from whenthen.proving.judged import Kept, is_test, judged, keep_failures, tests_in
from whenthen.proving.promises.hunt import PromiseVerdict
from whenthen.proving.scenarios.verdict import Verdict


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
@search_options
@plugin_options
@click.pass_context
def test(  # noqa: PLR0913, PLR0917 - one argument an option
    context: click.Context,
    files: tuple[Path, ...],
    as_json: bool,
    kept: Path | None,
    seed: int,
    tries: int,
    without: tuple[str, ...],
) -> None:
    """Tell whether rules do what is expected of them in FILES, and whether they keep what they promise.

    FILES are scenarios (*.scenario.json), promises (*.promises.json), rules that make promises in their invariants, or
    folders that are searched for all of these. For each promise a history is searched that breaks it.
    """
    found = list(dict.fromkeys(_found(files)))
    registry, effort = registry_of(context), effort_of(seed, tries, without)
    verdicts = [judged(file, registry, effort) for file in found]
    written = _keep(verdicts, kept) if kept is not None else {}
    if as_json:
        click.echo(json.dumps([_told(verdict, written) for verdict in verdicts], indent=2))
    else:
        Output().lines(map(one_line, _lines(verdicts, written)))
    sys.exit(0 if all(verdict.outcome == "passed" for verdict in verdicts) else 1)


def _found(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files; raises ``click.BadParameter`` for one with nothing to judge, and for a folder without any."""
    endings = " or ".join(f"*{ending}" for ending in TEST_ENDINGS)
    for path in paths:
        if path.is_dir():
            inside = tests_in(path)
            if not inside:
                message = f"there is no {endings} in {path}, and no rule that makes a promise"
                raise click.BadParameter(message, param_hint="FILES")
            yield from inside
        elif is_test(path):
            yield path
        else:
            message = _unreadable(path) or f"{path} is no {endings}, and no rule in it makes a promise"
            raise click.BadParameter(message, param_hint="FILES")


def _unreadable(path: Path) -> str | None:
    """Return why a file cannot be read as JSON, if it cannot."""
    try:
        read_json(read_text(path))
    except UnreadableFileError as error:
        return f"{path} {error}"
    return None


def _lines(verdicts: Sequence[Verdict], kept: Mapping[Path, Sequence[Kept]]) -> Iterator[str]:
    widest = max(len(str(verdict.file)) for verdict in verdicts)
    for verdict in verdicts:
        yield f"{verdict.outcome.ljust(7)}  {str(verdict.file).ljust(widest)}  {verdict.name}".rstrip()
        yield from (f"    {line}" for line in verdict.lines())
        yield from (f"    {line}" for one in kept.get(verdict.file, ()) for line in one.lines())
    counts = Counter(verdict.outcome for verdict in verdicts)
    what = "scenario" if all(verdict.file.name.endswith(SCENARIO_ENDING) for verdict in verdicts) else "file"
    total = f"{len(verdicts):,} {what}{'s' * (len(verdicts) != 1)}"
    yield ", ".join(
        [total, *(f"{counts[outcome]:,} {outcome}" for outcome in ("passed", "failed", "invalid") if counts[outcome])]
    )
    if counts["failed"] and not kept:
        yield "to see what happened in a failure, add --keep FOLDER"


def _keep(verdicts: Iterable[Verdict], folder: Path) -> dict[Path, list[Kept]]:
    """Write each failure into a folder of its own; return by file what was written, and the commands that show it."""
    written: dict[Path, list[Kept]] = {}
    taken: Counter[str] = Counter()
    for verdict in verdicts:
        name = verdict.file.name.partition(".")[0]
        taken[name] += 1
        place = folder / (name if taken[name] == 1 else f"{name}-{taken[name]}")
        try:
            if one := keep_failures(verdict, place):
                written[verdict.file] = one
        except OSError as error:
            raise click.BadParameter(f"{place}: {error.strerror}", param_hint="--keep") from None
    return written


def _told(verdict: Verdict, kept: Mapping[Path, Sequence[Kept]]) -> dict[str, Any]:
    """Return a verdict for programs, with what was written of it."""
    told = verdict.to_json()
    written = kept.get(verdict.file, ())
    if isinstance(verdict, PromiseVerdict):
        told["kept"] = [one.to_json() for one in written]
    elif written:
        told["replay"] = written[0].command
    return told

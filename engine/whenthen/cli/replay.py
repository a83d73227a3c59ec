"""``whenthen replay``: what rules would have done with recorded readings."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Any

import click

from whenthen.cli.difference import tell_difference
from whenthen.cli.directory import devices_file
from whenthen.cli.lines import Columns, firing_json
from whenthen.cli.options import FiniteRange, as_json, to_zone
from whenthen.cli.output import Output, write_json_lines
from whenthen.cli.recording import open_recording, readings_device
from whenthen.cli.rulefiles import CheckedRule, into_engine
from whenthen.cli.summary import Complaints, summary_lines
from whenthen.cli.timings import Timings
from whenthen.cli.wanted import plugin_options, registry_of
from whenthen.clock import system_timer
from whenthen.extend.observers import tell
from whenthen.extend.registry import Registry
from whenthen.flow.meter import Meter
from whenthen.ports import StaticDirectory
from whenthen.replay import Tally, begin
from whenthen.replay import replay as run
from whenthen.stage import Stage

_WITHIN_SECONDS = 3600.0


class _RulesPath(click.Path):
    """One of the two paths of ``--diff``; when only one is given, the option after it would be taken for a path."""

    def __init__(self) -> None:
        super().__init__(exists=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or fail."""
        text = str(value)
        if text.startswith("-") and not Path(text).exists():
            self.fail(f"it takes two paths, OLD and NEW, and {text!r} is an option.", param, ctx)
        return super().convert(value, param, ctx)


@click.command()
@click.argument("rules", nargs=-1, metavar="[RULES...]", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--diff",
    nargs=2,
    metavar="OLD NEW",
    type=_RulesPath(),
    help="Instead of RULES: two files or folders of rules; tell only what NEW would have done differently from OLD.",
)
@click.option(
    "--within",
    "within_seconds",
    type=FiniteRange(min=0),
    metavar="SECONDS",
    help="With --diff: how far apart two firings may be to be one that moved.  [default: 3600]",
)
@click.option(
    "--readings",
    required=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Recorded readings, .csv or .jsonl.",
)
@as_json
@readings_device
@click.option(
    "--timezone",
    "zone",
    default="UTC",
    show_default=True,
    metavar="ZONE",
    callback=to_zone,
    help="Zone of times without an offset, of schedules that name none, and of what is printed.",
)
@devices_file
@click.option("--timings", is_flag=True, help="Tell which plugins' conditions and functions took how much of the time.")
@plugin_options
@click.pass_context
def replay(  # noqa: PLR0913, PLR0917 - one argument an option
    context: click.Context,
    rules: tuple[Path, ...],
    diff: tuple[Path, Path] | None,
    within_seconds: float | None,
    readings: Path,
    as_json: bool,
    device: str,
    zone: tzinfo,
    directory: StaticDirectory | None,
    timings: bool,
) -> None:
    """Tell what RULES would have done with recorded readings.

    RULES are JSON files that hold one rule or a list of rules, or folders of such files. Nothing is switched, sent or
    written: the actions are only shown. Observers of plugins are told of what fires.

    With --diff OLD NEW both are given the same readings side by side, and each firing that is only in one of them, or
    not alike in both, is told. Then exit code 1 says that there is a difference.
    """
    _one_of(rules, diff, within_seconds, timings=timings)
    given = _Given(registry_of(context), directory, zone, readings, device, as_json)
    if diff is not None:
        sys.exit(given.compared(diff, _WITHIN_SECONDS if within_seconds is None else within_seconds))
    sys.exit(given.replayed(rules, timings=timings))


@dataclass(frozen=True, slots=True)
class _Given:
    """What a replay is given beside its rules: recorded readings, and where and how they are told."""

    registry: Registry
    directory: StaticDirectory | None
    zone: tzinfo
    readings: Path
    device: str
    as_json: bool

    def compared(self, diff: tuple[Path, Path], within_seconds: float) -> int:
        """Tell how two sets of rules differ; return the exit code."""
        with open_recording(self.readings, self.device, self.zone) as recording:
            return tell_difference(
                self._stage,
                diff,
                recording,
                label=self.readings.name,
                zone=self.zone,
                within_seconds=within_seconds,
                as_json=self.as_json,
            )

    def replayed(self, rules: tuple[Path, ...], *, timings: bool) -> int:
        """Tell what rules would have done; return the exit code."""
        zone, output, tally = self.zone, Output(beside_json=self.as_json), Tally()
        meter, began_ns = Meter(system_timer), system_timer()
        stage = self._stage(meter if timings else None)
        complaints = Complaints(output.complain, zone)
        with open_recording(self.readings, self.device, zone) as recording:
            rows = begin(stage, output.followed(recording, label=self.readings.name))
            checked = into_engine(stage.engine, rules)
            for line in (line for rule in checked if not rule.good for line in rule.lines()):
                output.complain(line)
            names = {rule.id: rule.name for rule in checked if rule.good}
            firings = run(
                stage,
                rows,
                tally,
                on_bad_row=complaints.bad_row,
                on_notice=complaints.notice,
                watch=partial(tell, self.registry),
            )
            if self.as_json:
                write_json_lines(firing_json(firing, zone) for firing in firings)
            else:
                output.firings(firings, Columns(names, zone))
        spent = Timings(meter, system_timer() - began_ns)
        output.lines(complaints.left_out())
        output.lines(summary_lines(tally, names, zone))
        output.lines(_warned(checked))
        output.lines(spent.lines() if timings else [])
        if timings and self.as_json:
            write_json_lines([spent.to_json()])
        bad = tally.unreadable or tally.values["refused"] or len(names) < len(checked)
        return 1 if bad else 0

    def _stage(self, meter: Meter | None = None) -> Stage:
        return Stage(self.registry, self.directory, timezone=str(self.zone), meter=meter)


def _warned(checked: Iterable[CheckedRule]) -> list[str]:
    warned = sum(bool(rule.problems) for rule in checked if rule.good)
    return [f"{warned} of the rules have warnings; whenthen check shows them"] if warned else []


def _one_of(
    rules: tuple[Path, ...], diff: tuple[Path, Path] | None, within_seconds: float | None, *, timings: bool
) -> None:
    """Refuse what cannot be meant; raises ``click.UsageError``."""
    if diff is None and not rules:
        raise click.UsageError("Missing argument 'RULES...'. Name rules, or compare two sets of them: --diff OLD NEW")
    if diff is not None and rules:
        text = f"--diff takes two paths and there are {len(rules) + 2}; a folder may hold what belongs together"
        raise click.UsageError(text)
    if diff is None and within_seconds is not None:
        raise click.UsageError("--within is about --diff; leave it out, or compare two sets of rules: --diff OLD NEW")
    if diff is not None and timings:
        raise click.UsageError("--timings tells of one set of rules; leave --diff out")

"""``whenthen explain``: why a rule fired at an instant, or why not, from a recording or a server's history."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, tzinfo
from pathlib import Path

import click

from whenthen.cli.directory import devices_file
from whenthen.cli.near import did_you_mean
from whenthen.cli.options import as_json, to_zone
from whenthen.cli.output import Output
from whenthen.cli.recording import open_recording, readings_device
from whenthen.cli.rulefiles import CheckedRule, into_engine
from whenthen.cli.stored import open_history
from whenthen.cli.summary import Complaints
from whenthen.cli.tree import tree_lines
from whenthen.cli.wanted import plugin_options, registry_of
from whenthen.clock import to_us
from whenthen.errors import WhenthenError
from whenthen.extend.registry import Registry
from whenthen.ports import StaticDirectory
from whenthen.proving.lookback import Asked, Explained, explained
from whenthen.replay import Playing, Tally, begin
from whenthen.stage import Stage

_STORED = ("DATABASE_URL", "WHENTHEN_DATA_FOLDER")


@click.command()
@click.argument("rules", nargs=-1, metavar="[RULES...]", type=click.Path(exists=True, path_type=Path))
@click.option("--rule", required=True, metavar="ID-OR-NAME", help="The rule to explain.")
@click.option("--at", "at_text", required=True, metavar="TIME", help="The instant, such as 2026-03-02T10:15:00Z.")
@click.option("--subject", metavar="ID", help="The device, room or farm; the first 20 when left out.")
@click.option(
    "--readings",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Recorded readings, .csv or .jsonl, for RULES.",
)
@readings_device
@devices_file
@click.option(
    "--data",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Instead of RULES and --readings: the data folder of a server, whose stored history is asked.",
)
@click.option(
    "--settings",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file of a server's settings, which name its database; so does DATABASE_URL.",
)
@click.option(
    "--timezone", "zone_name", metavar="ZONE", help="Zone of times without an offset, and of what is printed."
)
@as_json
@plugin_options
@click.pass_context
def explain(  # noqa: PLR0913, PLR0917 - one argument an option
    context: click.Context,
    rules: tuple[Path, ...],
    rule: str,
    at_text: str,
    subject: str | None,
    readings: Path | None,
    device: str,
    directory: StaticDirectory | None,
    data: Path | None,
    settings: Path | None,
    zone_name: str | None,
    as_json: bool,
) -> None:
    """Tell why a rule fired at an instant, or why not.

    The tree of its conditions is told with the values that each read, how old they were, and which holds; the first
    that fails is marked; and what else kept the rule from firing.

    The history is a recording, for which RULES (files or folders) and --readings are given, or what a server stored,
    with --data, --settings or DATABASE_URL. There, the rule is the version that held at that instant.
    """
    zone = _zone(context, zone_name)
    at_us = _instant(at_text, zone, given=zone_name is not None)
    registry = registry_of(context)
    output = Output(beside_json=as_json)
    bad = False
    if readings is not None:
        if data is not None or settings is not None:
            raise click.UsageError("The history is either --readings or --data (--settings), not both.")
        recorded = _Recorded(registry, directory, zone, output)
        found = recorded.explained(rules, readings, device, rule, at_us, subject)
        bad = recorded.bad
    else:
        _demand_stored(rules, data, settings)
        try:
            with open_history(registry, data, settings) as history:
                found = history.explained(rule, at_us, subject)
        except WhenthenError as error:
            raise click.UsageError(str(error)) from error
    _demand_subject(found, subject)
    if as_json:
        click.echo(json.dumps(found.document, indent=2, ensure_ascii=False))
    else:
        output.lines(tree_lines(found.document, zone, everybody=subject is None))
    sys.exit(1 if bad else 0)


class _Recorded:
    """Rules in files over a recording; *bad* when a rule is not valid or a row cannot be read."""

    def __init__(self, registry: Registry, directory: StaticDirectory | None, zone: tzinfo, output: Output) -> None:
        self._stage = Stage(registry, directory, timezone=str(zone))
        self._zone = zone
        self._output = output
        self.bad = False

    def explained(  # noqa: PLR0913, PLR0917 - what is given, and what is asked
        self, paths: tuple[Path, ...], readings: Path, device: str, rule: str, at_us: int, subject: str | None
    ) -> Explained:
        """Return the answer; raises ``click.UsageError``."""
        if not paths:
            raise click.UsageError("Missing argument 'RULES...': with --readings, name the files of the rules")
        tally, complaints = Tally(), Complaints(self._output.complain, self._zone)
        with open_recording(readings, device, self._zone) as recording:
            rows = begin(self._stage, self._output.followed(recording, label=readings.name))
            checked = into_engine(self._stage.engine, paths)
            for line in (line for one in checked if not one.good for line in one.lines()):
                self._output.complain(line)
            rule_id = _rule_id(checked, rule)
            playing = Playing(self._stage, tally, on_bad_row=complaints.bad_row, on_notice=complaints.notice)
            try:
                found = explained(playing, rows, Asked(rule_id, at_us, subject))
            except WhenthenError as error:
                raise click.BadParameter(str(error), param_hint="--at") from None
        self._output.lines(complaints.left_out())
        self.bad = bool(tally.unreadable) or not all(one.good for one in checked)
        return found


def _rule_id(checked: list[CheckedRule], wanted: str) -> str:
    """Return the id of a rule by id or name; raises ``click.BadParameter`` with the name that was probably meant."""
    good = [one for one in checked if one.good]
    found = [one for one in good if one.id == wanted] or [one for one in good if one.name == wanted]
    if len(found) == 1:
        return found[0].id
    if found:
        ids = ", ".join(one.id for one in found)
        raise click.BadParameter(
            f"{len(found)} rules are called {wanted!r}; name one by its id: {ids}", param_hint="--rule"
        )
    near = did_you_mean(wanted, [name for one in good for name in (one.name, one.id) if name])
    raise click.BadParameter(f"there is no valid rule {wanted!r}{near}", param_hint="--rule")


def _demand_stored(rules: tuple[Path, ...], data: Path | None, settings: Path | None) -> None:
    if rules:
        raise click.UsageError("RULES need --readings FILE: rules that a server stored are named by --rule alone")
    if data is None and settings is None and not any(os.environ.get(name) for name in _STORED):
        text = "Say where the history is: RULES with --readings FILE, or a server's --data FOLDER (or DATABASE_URL)"
        raise click.UsageError(text)


def _demand_subject(found: Explained, subject: str | None) -> None:
    if subject is not None and subject not in found.subjects and not found.document["explanations"][0]["conditions"]:
        names = ", ".join(found.subjects[:5]) or "none"
        near = did_you_mean(subject, found.subjects) or f"; it has {names}"
        raise click.BadParameter(f"the rule has no subject {subject!r} at that instant{near}", param_hint="--subject")
    if subject is None and not found.subjects:
        raise click.UsageError("The rule has no subject at that instant: no device in its scope was heard or is listed")


def _zone(context: click.Context, name: str | None) -> tzinfo:
    option = next(param for param in context.command.params if param.name == "zone_name")
    return to_zone(context, option, name or "UTC")


def _instant(text: str, zone: tzinfo, *, given: bool) -> int:
    """Return the instant of a text; raises ``click.BadParameter``."""
    hint = "write it as 2026-03-02T10:15:00Z"
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text[:40]!r} is no time; {hint}", param_hint="--at") from None
    if instant.tzinfo is None and not given:
        raise click.BadParameter(
            f"{text!r} has no offset; {hint}, or say whose time it is with --timezone", param_hint="--at"
        )
    aware = instant if instant.tzinfo else instant.replace(tzinfo=zone)
    if not 1970 <= aware.year <= 2100:
        raise click.BadParameter(f"the year of {text!r} is not between 1970 and 2100", param_hint="--at")
    return to_us(aware)

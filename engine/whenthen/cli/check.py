"""``whenthen check``: everything that is wrong with rules, alone and with each other."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from whenthen.analysis.analyse import Analysis
from whenthen.analysis.findings import Finding
from whenthen.analysis.physics import BadEffectsError, Effects, read_effects
from whenthen.cli.directory import devices_file
from whenthen.cli.kept import keep
from whenthen.cli.lines import one_line
from whenthen.cli.options import as_json, rule_paths, to_zone
from whenthen.cli.output import Output
from whenthen.cli.rulefiles import CheckedRule, into_engine
from whenthen.cli.wanted import plugin_options, registry_of
from whenthen.clock import SystemClock, to_us
from whenthen.dsl.read import read_json
from whenthen.engine import Engine
from whenthen.errors import WhenthenError
from whenthen.ports import StaticDirectory


def to_effects(_context: click.Context, param: click.Parameter, value: Path | None) -> Effects | None:
    """Return the table of effects of a file, or fail with everything that is wrong in it."""
    if value is None:
        return None
    try:
        return read_effects(read_json(value.read_text(encoding="utf-8-sig")))
    except BadEffectsError as error:
        lines = "\n".join(f"{value}: {one_line(line)}" for line in error.lines())
        raise click.BadParameter(lines, param=param) from None
    except UnicodeDecodeError:
        raise click.BadParameter(f"{value}: is not UTF-8 text", param=param) from None
    except (WhenthenError, OSError) as error:
        raise click.BadParameter(f"{value}: {error}", param=param) from None


@click.command()
@rule_paths
@as_json
@click.option("--no-analysis", is_flag=True, help="Only validate; do not look for what rules do to each other.")
@click.option(
    "--effects",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    callback=to_effects,
    help="A JSON table of what settings do to the world, in the place of the one that comes with whenthen.",
)
@devices_file
@click.option(
    "--timezone",
    "zone",
    default="UTC",
    show_default=True,
    metavar="ZONE",
    callback=to_zone,
    help="Zone of schedules and time conditions that name none.",
)
@click.option(
    "--keep",
    "folder",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write each finding's rules and history there, for whenthen replay.",
)
@plugin_options
@click.pass_context
def check(  # noqa: PLR0913, PLR0917 - one argument an option
    context: click.Context,
    rules: tuple[Path, ...],
    as_json: bool,
    no_analysis: bool,
    effects: Effects | None,
    directory: StaticDirectory | None,
    zone: object,
    folder: Path | None,
) -> None:
    """Tell everything that is wrong with RULES, each with its place and what was probably meant.

    RULES are JSON files that hold one rule or a list of rules, or folders of such files. Rules that are valid are then
    looked at together: which can never fire, which undo or repeat what others do, which set each other off.
    """
    registry = registry_of(context)
    engine = Engine(registry)
    checked = into_engine(engine, rules)
    findings: list[Finding] = []
    analysis: Analysis | None = None
    if not no_analysis:
        analysis = Analysis(registry, directory, effects, now_us=to_us(SystemClock().now()), timezone=str(zone))
        for rule in checked:
            if rule.good:
                analysis.put(analysis.compiler.compile(dict(engine.rule(rule.id))))
        findings = analysis.findings()
    replays = {} if folder is None else keep(folder, findings, engine)
    if as_json:
        click.echo(json.dumps([_with_findings(rule, findings) for rule in checked], indent=2))
    else:
        _tell(Output(), checked, findings, replays)
        _tell_undeclared(Output(), {} if analysis is None else analysis.undeclared(), checked)
    sys.exit(0 if all(rule.good for rule in checked) and not findings else 1)


def _with_findings(rule: CheckedRule, findings: list[Finding]) -> dict[str, object]:
    """Return a rule as it was always printed, and each finding with the first of its rules."""
    own = [finding.to_json() for finding in findings if rule.good and finding.rules[0] == rule.id]
    return {**rule.to_json(), "findings": own}


def _tell(output: Output, checked: list[CheckedRule], findings: list[Finding], replays: dict[int, str]) -> None:
    output.lines(line for rule in checked for line in rule.lines())
    for number, finding in enumerate(findings):
        output.lines([one_line(f"{finding.kind} ({finding.grade}): {finding.message}")])
        output.lines([one_line(f"    seen: {finding.witness.says}"), one_line(f"    mend: {finding.mend}")])
        if number in replays:
            output.lines([f"    replay: {replays[number]}"])
    bad = sum(not rule.good for rule in checked)
    count = f"{len(checked):,} rule{'s' * (len(checked) != 1)}"
    valid = f"{bad:,} not valid" if bad else "all valid"
    found = f", {len(findings):,} finding{'s' * (len(findings) != 1)}" if findings else ""
    output.lines([f"{count}, {valid}{found}"])


def _tell_undeclared(output: Output, parts: dict[str, tuple[str, ...]], checked: list[CheckedRule]) -> None:
    """Say of which rules a part declares nothing: neither found nor safe."""
    names = {rule.id: rule.name for rule in checked}
    for rule_id, found in parts.items():
        told = ", ".join(dict.fromkeys(found))
        output.lines([one_line(f"not looked into: {told} in {names[rule_id]!r} declares neither effects nor limits")])

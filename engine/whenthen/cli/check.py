"""``whenthen check``: everything that is wrong with rules."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from whenthen.cli.options import as_json, rule_paths
from whenthen.cli.output import Output
from whenthen.cli.rulefiles import into_engine
from whenthen.cli.wanted import plugin_options, registry_of
from whenthen.engine import Engine


@click.command()
@rule_paths
@as_json
@plugin_options
@click.pass_context
def check(context: click.Context, rules: tuple[Path, ...], as_json: bool) -> None:
    """Tell everything that is wrong with RULES, each with its place and what was probably meant.

    RULES are JSON files that hold one rule or a list of rules, or folders of such files.
    """
    checked = into_engine(Engine(registry_of(context)), rules)
    if as_json:
        click.echo(json.dumps([rule.to_json() for rule in checked], indent=2))
    else:
        bad = sum(not rule.good for rule in checked)
        output = Output()
        output.lines(line for rule in checked for line in rule.lines())
        count = f"{len(checked):,} rule{'s' * (len(checked) != 1)}"
        output.lines([f"{count}, {bad:,} not valid" if bad else f"{count}, all valid"])
    sys.exit(0 if all(rule.good for rule in checked) else 1)

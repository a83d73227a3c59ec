"""``whenthen plugins``: what is installed, what it registered, or why it was left out."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from whenthen.cli.lines import one_line
from whenthen.cli.options import as_json, disable_plugins
from whenthen.cli.output import Output
from whenthen.extend.host import load_registry
from whenthen.extend.registry import PluginRecord


@click.command()
@as_json
@disable_plugins
def plugins(as_json: bool, disabled: tuple[str, ...]) -> None:
    """List plugins and what each of them registered.

    A plugin that cannot be loaded is told with the reason, and the exit code is 1.
    """
    records = load_registry(disabled=disabled).plugins
    if as_json:
        click.echo(json.dumps([asdict(record) for record in records], indent=2))
    else:
        Output().lines(line for record in records for line in _lines(record))
    sys.exit(1 if any(record.problems and record.name not in disabled for record in records) else 0)


def _lines(record: PluginRecord) -> list[str]:
    source = f" ({record.package} {record.version})" if record.package else ""
    lines = [f"{record.name}{source}: {record.status}"]
    lines += [f"  {kind:<10}{', '.join(sorted(names))}" for kind, names in record.registered.items()]
    return [one_line(line) for line in lines + [f"  problem: {problem}" for problem in record.problems]]

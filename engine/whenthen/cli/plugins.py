"""``whenthen plugins``: what is there, what it registered and since when, or why it was left out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

import click

from whenthen.cli.lines import one_line
from whenthen.cli.options import as_json
from whenthen.cli.output import Output
from whenthen.cli.wanted import plugin_options, registry_of
from whenthen.extend.registry import PluginRecord

_HEADER = ("plugin", "package", "version", "api", "since", "status")
_INDENT = 2
_DAY = len("2026-01-01")


@click.command()
@as_json
@plugin_options
@click.pass_context
def plugins(context: click.Context, as_json: bool) -> None:
    """List plugins, what each of them registered and since when it is there.

    A plugin that cannot be loaded, in whole or in part, is told with the reason, and the exit code is 1.
    """
    records = registry_of(context, complain=False).plugins
    if as_json:
        click.echo(json.dumps([asdict(record) for record in records], indent=2))
    else:
        Output().lines(_lines(records))
    sys.exit(1 if any(record.problems and not record.switched_off for record in records) else 0)


def _lines(records: list[PluginRecord]) -> Iterator[str]:
    rows = [_HEADER, *map(_row, records)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    details = [[], *map(_details, records)]
    for row, below in zip(rows, details, strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for title, text in below:
            yield one_line(f"{'':{_INDENT}}{title:<10}{text}")


def _row(record: PluginRecord) -> tuple[str, ...]:
    api = "-" if record.api is None else str(record.api)
    since = record.since[:_DAY] if record.since else "-"
    status = f"{record.status}, isolated" if record.isolated else record.status
    return (one_line(record.name), one_line(record.package) or "-", one_line(record.version) or "-", api, since, status)


def _details(record: PluginRecord) -> list[tuple[str, str]]:
    registered = [(kind, ", ".join(sorted(names))) for kind, names in record.registered.items()]
    problems = [("problem", problem) for problem in record.problems]
    return registered + problems + [("warning", warning) for warning in record.warnings]

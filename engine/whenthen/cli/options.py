"""Options that several commands share, and the readers of their values."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import click

from whenthen.cli.near import did_you_mean

rule_paths = click.argument(
    "rules", nargs=-1, required=True, metavar="RULES...", type=click.Path(exists=True, path_type=Path)
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead of text for people.")


def to_zone(_context: click.Context, param: click.Parameter, value: str) -> ZoneInfo:
    """Return the IANA zone of that name, or fail with the name that was probably meant."""
    try:
        return ZoneInfo(value)
    except (ValueError, OSError, KeyError):  # what zoneinfo raises depends on how the name is wrong
        near = did_you_mean(value, available_timezones())
        message = f"there is no time zone {value!r}{near or '; write it as Europe/Brussels'}"
        raise click.BadParameter(message, param=param) from None

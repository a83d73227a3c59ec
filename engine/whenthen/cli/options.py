"""Options that several commands share, and the readers of their values."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import click

from whenthen.cli.near import did_you_mean

rule_paths = click.argument(
    "rules", nargs=-1, required=True, metavar="RULES...", type=click.Path(exists=True, path_type=Path)
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead of text for people.")


class FiniteRange(click.FloatRange):
    """A number within bounds that is one: ``nan`` lies below and above nothing, ``inf`` is no length of time."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number, or fail."""
        number: float = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


def to_zone(_context: click.Context, param: click.Parameter, value: str) -> ZoneInfo:
    """Return the IANA zone of that name, or fail with the name that was probably meant."""
    try:
        return ZoneInfo(value)
    except (ValueError, OSError, KeyError):  # what zoneinfo raises depends on how the name is wrong
        near = did_you_mean(value, available_timezones())
        message = f"there is no time zone {value!r}{near or '; write it as Europe/Brussels'}"
        raise click.BadParameter(message, param=param) from None

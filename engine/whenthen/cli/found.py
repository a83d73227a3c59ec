"""Commands that other packages bring, found by entry point; the engine imports none of them by name."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

import click

ENTRY_POINT_GROUP = "whenthen.commands"


class OpenGroup(click.Group):
    """A group whose own commands come first; those of entry points join when they can be loaded."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted({*super().list_commands(ctx), *_points()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command of ours, or load one; one that cannot be loaded says why when it is called."""
        own = super().get_command(ctx, cmd_name)
        point = None if own is not None else _points().get(cmd_name)
        return own if point is None else _loaded(point)


def _points() -> dict[str, EntryPoint]:
    points: Iterable[EntryPoint] = entry_points(group=ENTRY_POINT_GROUP)
    return {point.name: point for point in points}


def _loaded(point: EntryPoint) -> click.Command:
    try:
        command = point.load()
    except Exception as error:  # noqa: BLE001 - a stranger's package may raise anything while it loads
        return _broken(point, f"{type(error).__name__}: {error}")
    return command if isinstance(command, click.Command) else _broken(point, f"{point.value} is no click command")


def _broken(point: EntryPoint, reason: str) -> click.Command:
    package = f" (from {point.dist.name})" if point.dist else ""

    def fail() -> None:
        raise click.ClickException(f"the command {point.name}{package} cannot be loaded: {reason}")

    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(point.name, callback=fail, context_settings=anything, short_help="(cannot be loaded)")

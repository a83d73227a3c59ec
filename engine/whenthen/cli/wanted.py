"""Which plugins a command uses: the environment, then options before and after the command's name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from whenthen.cli.lines import one_line
from whenthen.extend.registry import Registry
from whenthen.extend.settings import DISABLE, FOLDER, ISOLATE, PluginSettings

_KEY = "whenthen.plugins"


def plugin_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command (or the group) the options that choose plugins; ``registry_of`` knows what they said."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def registry_of(context: click.Context, *, complain: bool = True) -> Registry:
    """Return the registry of the plugins that the user wants; unless told not to, say which are not as they should be.

    What a rule means may depend on it, so nobody should have to ask.
    """
    registry = plugins_of(context).load()
    for record in registry.plugins if complain else ():
        for problem in () if record.switched_off else record.problems:
            click.echo(one_line(f"plugin {record.name}: {problem}"), err=True)
    return registry


def plugins_of(context: click.Context) -> PluginSettings:
    """Return which plugins the environment and the options choose."""
    found: PluginSettings | None = context.meta.get(_KEY)
    return PluginSettings.of(os.environ) if found is None else found


def _disable(context: click.Context, _param: click.Parameter, names: tuple[str, ...]) -> None:
    context.meta[_KEY] = plugins_of(context).joined(disabled=names)


def _folder(context: click.Context, _param: click.Parameter, folder: Path | None) -> None:
    context.meta[_KEY] = plugins_of(context).joined(folder=folder)


def _isolate(context: click.Context, _param: click.Parameter, names: tuple[str, ...]) -> None:
    context.meta[_KEY] = plugins_of(context).joined(isolated=names)


_OPTIONS = (
    click.option(
        "--disable-plugin",
        multiple=True,
        metavar="NAME",
        expose_value=False,
        callback=_disable,
        help=f"Leave a plugin out; may be given several times. Adds to {DISABLE}.",
    ),
    click.option(
        "--plugin-folder",
        metavar="DIR",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        expose_value=False,
        callback=_folder,
        help=f"Load each .py file of a folder as a plugin, too. Takes the place of {FOLDER}.",
    ),
    click.option(
        "--isolate-plugin",
        multiple=True,
        metavar="NAME",
        expose_value=False,
        callback=_isolate,
        help=f"Run a plugin in a limited process of its own; may be given several times. Adds to {ISOLATE}.",
    ),
)

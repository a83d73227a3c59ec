"""``whenthen plugin new``: the package of a new plugin."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from keyword import iskeyword
from pathlib import Path
from typing import TypeVar

import click

from whenthen.cli.scaffold import KINDS, Package, Thing, files_of
from whenthen.cli.wanted import registry_of
from whenthen.extend.registry import Registry

_DISTRIBUTION = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")
_OURS = frozenset({"whenthen", "whenthen_plugins", "whenthen_schemas", "whenthen_server"})
_BUILTIN = "builtin"
_LONGEST, _LONGEST_FUNCTION = 50, 32
"""Characters of a name: with longer ones what is written would not fit into its lines."""
_Command = TypeVar("_Command", bound=Callable[..., object])


@click.group()
def plugin() -> None:
    """Make a plugin."""


def _types_option(kind: str, what: str) -> Callable[[_Command], _Command]:
    return click.option(f"--{kind}", f"{kind}s", multiple=True, metavar="TYPE", help=f"{what}; may be given often.")


@plugin.command()
@click.argument("name")
@_types_option("condition", "A condition to begin with, for example dew_point")
@_types_option("action", "An action, for example open_vent")
@_types_option("trigger", "A trigger")
@_types_option("function", "A function for expressions")
@click.option(
    "--directory",
    default=".",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the package's folder is made; here when left out.",
)
@click.pass_context
def new(  # noqa: PLR0913, PLR0917 - one argument an option
    context: click.Context,
    name: str,
    conditions: tuple[str, ...],
    actions: tuple[str, ...],
    triggers: tuple[str, ...],
    functions: tuple[str, ...],
    directory: Path,
) -> None:
    """Write a package NAME, for example whenthen-greenhouse, that installs and passes its own tests as it stands.

    Nothing of an existing folder is touched, and nothing that is written is run.
    """
    asked = {"condition": conditions, "action": actions, "trigger": triggers, "function": functions}
    things = tuple(Thing(kind, type_name) for kind in KINDS for type_name in asked[kind])
    if not things:
        raise click.UsageError(
            "there is nothing to write; name at least one --condition, --action, --trigger, --function"
        )
    _check_name(name)
    registry = registry_of(context, complain=False)
    for thing in things:
        _check_type(thing, registry)
    _check_twins(things)
    package = Package(name, things, ".".join(version("whenthen").split(".")[:2]))
    folder = directory / name
    _write(folder, files_of(package))
    click.echo(f"{folder} is written; README.md in it says how to go on:")
    click.echo(f"  cd {shlex.quote(str(folder))} && pip install -e '.[dev]' && pytest && whenthen plugins")


def _check_name(name: str) -> None:
    """Refuse a name that cannot be a distribution's, or under which an import would find something else."""
    if not _DISTRIBUTION.fullmatch(name) or len(name) > _LONGEST:
        meant = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        hint = f"; did you mean {meant}?" if _DISTRIBUTION.fullmatch(meant) and len(meant) <= _LONGEST else ""
        raise click.BadParameter(f"{name!r} is not small letters, digits and single hyphens{hint}", param_hint="NAME")
    package = Package(name, (), "")
    if package.module in _OURS or package.plugin == _BUILTIN:
        raise click.BadParameter(f"{name!r} is whenthen's own; choose another", param_hint="NAME")
    if package.module in sys.stdlib_module_names or iskeyword(package.module):
        raise click.BadParameter(f"{name!r} is Python's own; how about whenthen-{name}?", param_hint="NAME")


def _check_type(thing: Thing, registry: Registry) -> None:
    option = f"--{thing.kind}"
    longest = _LONGEST_FUNCTION if thing.kind == "function" else _LONGEST
    if len(thing.type) > longest:
        raise click.BadParameter(f"{thing.type!r} has more than {longest} characters", param_hint=option)
    if not _TYPE.fullmatch(thing.type):
        meant = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", thing.type).lower()).strip("_")
        hint = f"; did you mean {meant}?" if _TYPE.fullmatch(meant) else ""
        message = f"{thing.type!r} is not snake_case, with at most one prefix before a point{hint}"
        raise click.BadParameter(message, param_hint=option)
    if thing.kind == "function" and ("." in thing.type or iskeyword(thing.type)):
        raise click.BadParameter(f"an expression cannot call {thing.type!r}; choose another name", param_hint=option)
    if registry.owner(thing.kind, thing.type) == _BUILTIN:
        message = f"whenthen has a {thing.kind} {thing.type!r} itself; choose another name, or put a prefix before it"
        raise click.BadParameter(message, param_hint=option)


def _check_twins(things: tuple[Thing, ...]) -> None:
    """Refuse what would be written twice under one name: two equal types, or two of which one class would be made."""
    counts = Counter((thing.kind, thing.name) for thing in things)
    for (kind, name), count in counts.items():
        if count > 1:
            twins = ", ".join(thing.type for thing in things if (thing.kind, thing.name) == (kind, name))
            raise click.BadParameter(
                f"{twins} would all be called {name}; give each another name", param_hint=f"--{kind}"
            )


def _write(folder: Path, texts: dict[str, str]) -> None:
    """Write every file into a new folder, or leave nothing behind."""
    try:
        folder.mkdir()
    except FileExistsError:
        message = f"{folder} exists already; choose another name or --directory"
        raise click.BadParameter(message, param_hint="NAME") from None
    except OSError as error:
        raise click.BadParameter(f"{folder}: {error.strerror}", param_hint="--directory") from None
    try:
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise click.BadParameter(f"{folder} cannot be written: {error.strerror}", param_hint="--directory") from None

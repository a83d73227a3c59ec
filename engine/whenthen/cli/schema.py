"""``whenthen schema``: what may be written, for editors and other programs."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import click

import whenthen_schemas
from whenthen.cli.near import did_you_mean
from whenthen.cli.wanted import plugin_options, registry_of
from whenthen.dsl.schema import compose, compose_scenario
from whenthen.extend.registry import Registry

_ENDING = ".schema.json"
_KINDS = ("trigger", "condition", "action")


_COMPOSED = {"rule": compose, "scenario": compose_scenario}
"""Schemas that depend on what plugins registered."""


@click.command()
@click.argument("name", default="rule")
@plugin_options
@click.pass_context
def schema(context: click.Context, name: str) -> None:
    """Print the JSON Schema of rules, composed of all that plugins registered.

    NAME prints another one, for example scenario, reading or condition.comparison.
    """
    registry = registry_of(context)
    if name in _COMPOSED:
        document: Any = _COMPOSED[name](registry)
    else:
        known = _known(registry)
        if name not in known:
            raise click.BadParameter(f"there is no schema {name!r}{did_you_mean(name, known)}", param_hint="NAME")
        document = known[name]
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _known(registry: Registry) -> dict[str, Any]:
    """Return the schemas of everything registered, and those of ours that belong to no type."""
    names = [
        file.name.removesuffix(_ENDING) for file in files(whenthen_schemas).iterdir() if file.name.endswith(_ENDING)
    ]
    known = {name: whenthen_schemas.load(name) for name in names if name.partition(".")[0] not in _KINDS}
    for kind in _KINDS:
        known |= {f"{kind}.{name}": thing.schema for name, thing in registry.table(kind).items()}
    return known

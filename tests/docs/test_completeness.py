"""Nothing that a user can write is undocumented: rule fields, types, config keys, functions, hooks, options."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from whenthen import load_schema
from whenthen.cli import main
from whenthen.extend import hookspecs
from whenthen.extend.host import load_registry

DOCS = Path(__file__).parents[2] / "docs"
KINDS = ("trigger", "condition", "action")


def docs() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("*.md")))


def quoted(name: str, text: str) -> bool:
    """Tell whether *text* shows *name* as code."""
    return f"`{name}`" in text or f'"{name}"' in text or f"`{name}(" in text


def types() -> Iterator[tuple[str, str]]:
    registry = load_registry()
    for kind in KINDS:
        for name in registry.table(kind):
            yield kind, name


def test_every_field_of_a_rule_is_documented() -> None:
    text = docs()

    assert [name for name in load_schema("rule")["properties"] if not quoted(name, text)] == []


@pytest.mark.parametrize(("kind", "name"), list(types()))
def test_every_type_and_each_of_its_config_keys_is_documented(kind: str, name: str) -> None:
    text = docs()
    schema = load_registry().table(kind)[name].schema

    assert quoted(name, text)
    assert [key for key in schema.get("properties", {}) if not quoted(key, text)] == []


def test_every_function_for_expressions_is_documented() -> None:
    text = docs()

    assert [name for name in load_registry().functions if not quoted(name, text)] == []


def test_every_hook_is_documented() -> None:
    text = docs()

    assert [name for name in vars(hookspecs) if name.startswith("whenthen_") and name not in text] == []


@pytest.mark.parametrize("command", main.commands.values(), ids=lambda command: str(command.name))
def test_every_command_and_option_is_documented(command: click.Command) -> None:
    text = docs()
    options = [name for option in command.params if isinstance(option, click.Option) for name in option.opts]

    assert f"`whenthen {command.name}" in text
    assert [option for option in options if f"`{option}" not in text] == []

"""Nothing that a user can write is undocumented: rule fields, types, config keys, functions, hooks, options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from whenthen import load_schema
from whenthen.cli import main
from whenthen.extend.host import load_registry
from whenthen.extend.settings import VARIABLES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ROOTS = ("engine", "plugins", "server", "schemas")
_VARIABLE = re.compile(r'"(WHENTHEN_[A-Z_]+)"')
KINDS = ("trigger", "condition", "action")


def docs() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md")))


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


def test_every_field_of_a_scenario_is_documented() -> None:
    text = (DOCS / "testing" / "scenarios.md").read_text(encoding="utf-8")
    schema = load_schema("scenario")
    fields = {
        *schema["properties"],
        *(field for part in schema["$defs"].values() for field in part.get("properties", ())),
    }

    assert {"received_at", "never_clears", "devices"} <= fields
    assert [field for field in sorted(fields) if not quoted(field, text)] == []


@pytest.mark.parametrize(("kind", "name"), list(types()))
def test_every_type_and_each_of_its_config_keys_is_documented(kind: str, name: str) -> None:
    text = docs()
    schema = load_registry().table(kind)[name].schema

    assert quoted(name, text)
    assert [key for key in schema.get("properties", {}) if not quoted(key, text)] == []


def test_every_function_for_expressions_is_documented() -> None:
    text = docs()

    assert [name for name in load_registry().functions if not quoted(name, text)] == []


def test_every_environment_variable_is_documented() -> None:
    text = docs()
    modules = [module for root in ROOTS for module in (ROOT / root).rglob("*.py")]
    read = {name for module in modules for name in _VARIABLE.findall(module.read_text(encoding="utf-8"))}

    assert set(VARIABLES) <= read
    assert [name for name in sorted(read) if not quoted(name, text)] == []


def test_every_option_of_the_program_itself_is_documented() -> None:
    text = docs()
    options = [name for option in main.params if isinstance(option, click.Option) for name in option.opts]

    assert {"--plugin-folder", "--disable-plugin", "--isolate-plugin"} <= set(options)
    assert [option for option in options if f"`{option}" not in text] == []


def commands(group: click.Group, path: str = "whenthen") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


@pytest.mark.parametrize(("path", "command"), [pytest.param(*found, id=found[0]) for found in commands(main)])
def test_every_command_and_option_is_documented(path: str, command: click.Command) -> None:
    text = docs()
    options = [name for option in command.params if isinstance(option, click.Option) for name in option.opts]

    assert re.search(rf"`{path}\b", text)
    assert [option for option in options if f"`{option}" not in text] == []

"""What the API can say stands in docs/server/api.md; the server's commands stand in docs/server/running.md."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from whenthen.cli import main
from whenthen_server import problems

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "server" / "whenthen_server"
API = (ROOT / "docs" / "server" / "api.md").read_text(encoding="utf-8")
RUNNING = (ROOT / "docs" / "server" / "running.md").read_text(encoding="utf-8")
OWN_COMMANDS = ("backup", "db", "login-url", "serve")


def codes() -> set[str]:
    """Return every code that the web layer's source names."""
    sources = [*SERVER.glob("*.py"), *(SERVER / "api").glob("*.py")]
    pattern = re.compile(r'(?:\bcode=|_refuse\(|_Bad\()"(\w+)"')
    named = {code for source in sources for code in pattern.findall(source.read_text(encoding="utf-8"))}
    return named | {kind.code for kind in problems.ApiError.__subclasses__() if kind.__name__[0] != "_"}


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_code_of_a_problem_is_documented(code: str) -> None:
    assert f"`{code}`" in API


def test_the_codes_that_are_looked_for_are_found() -> None:
    assert {"invalid_utf8", "duplicate_field", "foreign_origin", "idempotency_key_reused", "not_found"} <= codes()


@pytest.mark.parametrize("name", OWN_COMMANDS)
def test_every_command_of_the_server_is_documented_with_its_options(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    commands = command.commands.values() if isinstance(command, click.Group) else [command]
    for each in commands:
        title = f"{name} {each.name}" if isinstance(command, click.Group) else name
        options = [option for param in each.params if isinstance(param, click.Option) for option in param.opts]

        assert f"`whenthen {title}" in RUNNING
        assert [option for option in options if f"`{option}" not in RUNNING] == []

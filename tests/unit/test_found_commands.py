"""Commands that other packages bring: they join the command line, and a bad one harms nobody but itself."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import click
import pytest
from click.testing import CliRunner

from whenthen.cli import found, main


@click.command()
def greet() -> None:
    """Say hello."""
    click.echo("hello")


not_a_command = 5


@pytest.fixture
def strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("greet", f"{__name__}:greet", found.ENTRY_POINT_GROUP),
        EntryPoint("broken", "no_such_module_anywhere:command", found.ENTRY_POINT_GROUP),
        EntryPoint("odd", "whenthen.cli.found:ENTRY_POINT_GROUP", found.ENTRY_POINT_GROUP),
        EntryPoint("replay", f"{__name__}:greet", found.ENTRY_POINT_GROUP),
    ]
    monkeypatch.setattr(found, "entry_points", lambda group: [point for point in points if point.group == group])
    monkeypatch.setattr(EntryPoint, "load", load(EntryPoint.load))


def load(real: Any) -> Any:
    """Load what stands in this file from here: tests are no package that could be imported by name."""
    return lambda point: greet if point.value.endswith(":greet") else real(point)


@pytest.mark.usefixtures("strangers")
def test_a_command_of_another_package_joins() -> None:
    result = CliRunner().invoke(main, ["greet"])

    assert (result.exit_code, result.output) == (0, "hello\n")


@pytest.mark.usefixtures("strangers")
def test_help_lists_all_of_them_even_when_one_is_broken() -> None:
    result = CliRunner().invoke(main, ["--help"])

    assert result.exit_code == 0
    assert "Say hello." in result.output
    assert "(cannot be loaded)" in result.output
    assert "Tell what RULES would have done" in result.output  # our own name is not taken over


@pytest.mark.usefixtures("strangers")
@pytest.mark.parametrize(
    ("name", "reason"),
    [("broken", "No module named 'no_such_module_anywhere'"), ("odd", "is no click command")],
)
def test_a_broken_one_says_why_when_it_is_called(name: str, reason: str) -> None:
    result = CliRunner().invoke(main, [name, "--any", "thing"])

    assert result.exit_code == 1
    assert f"the command {name} cannot be loaded: " in result.output
    assert reason in result.output


@pytest.mark.usefixtures("strangers")
def test_a_name_that_nobody_brings_is_wrong_use() -> None:
    assert CliRunner().invoke(main, ["no-such-command"]).exit_code == 2

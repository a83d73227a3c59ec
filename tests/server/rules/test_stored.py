"""The stored history of a server, asked from the command line."""

from __future__ import annotations

import json
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from posted.rules import RULES, body_of, rule, saved

from whenthen.cli import main, stored
from whenthen.clock import ManualClock
from whenthen_server.wiring import House

LOG = {"type": "log", "config": {"message": "now"}}
DECLARED = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
POINTS = DECLARED["project"]["entry-points"][stored.ENTRY_POINT_GROUP]


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the entry points be those that are declared, whatever is installed."""
    points = [EntryPoint(name, value, stored.ENTRY_POINT_GROUP) for name, value in POINTS.items()]
    monkeypatch.setattr(stored, "points", lambda: points)
    monkeypatch.delenv("DATABASE_URL", raising=False)


def asked(data: Path, name: str, at: str, *options: str) -> Result:
    result = CliRunner().invoke(main, ["explain", "--rule", name, "--at", at, "--data", str(data), *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_command_line_tells_what_rest_tells_while_the_server_runs(
    farm: House, owner: FlaskClient, clock: ManualClock
) -> None:
    document = rule(id="fan", scope={"device": "dev-1"}, actions=[LOG])
    saved(owner, document)
    farm.runtime.take("dev-1", {"temperature": 29})
    clock.turn(seconds=60)
    at, data = "2026-03-01T12:00:30Z", farm.settings.data.folder
    query = {"subject": "dev-1", "at": at}
    rest = body_of(owner.get(f"{RULES}/fan/explain", query_string=query))
    by_name = asked(data, document["name"], at, "--subject", "dev-1", "--json")
    shown = asked(data, "fan", at, "--subject", "dev-1")

    assert by_name.exit_code == 0, by_name.stderr
    assert json.loads(by_name.stdout) == rest
    assert "temperature of dev-1 = 29, 30 s old" in shown.stdout


def test_a_rule_that_was_removed_is_explained_for_when_it_was_there(
    farm: House, owner: FlaskClient, clock: ManualClock
) -> None:
    saved(owner, rule(id="fan", scope={"device": "dev-1"}, actions=[LOG]))
    clock.turn(seconds=60)
    owner.delete(f"{RULES}/fan")
    data = farm.settings.data.folder

    assert asked(data, "fan", "2026-03-01T12:00:30Z").exit_code == 0
    gone = asked(data, "fan", "2026-03-01T12:02:00Z")
    assert (gone.exit_code, "was not there" in gone.stderr) == (2, True)


def test_names_that_nobody_has_and_folders_without_a_history_are_told(
    farm: House, owner: FlaskClient, clock: ManualClock, tmp_path: Path
) -> None:
    saved(owner, rule(id="fan", scope={"device": "dev-1"}, actions=[LOG]))
    clock.turn(seconds=60)
    empty = tmp_path / "empty"
    empty.mkdir()
    at, data = "2026-03-01T12:00:30Z", farm.settings.data.folder
    wrong = asked(data, "fam", at)
    subject = asked(data, "fan", at, "--subject", "dev1")
    nothing = asked(empty, "fan", at)

    assert [one.exit_code for one in (wrong, subject, nothing)] == [2, 2, 2]
    assert "did you mean fan?" in wrong.stderr
    assert "did you mean dev-1?" in subject.stderr
    assert "there is no database" in nothing.stderr
    assert not list(empty.iterdir())

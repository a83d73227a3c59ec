"""What a rule would do to those that are saved is told when it is checked and when it is saved, and blocks nothing."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from posted.rules import RULES, As, body_of, rule, saved

pytestmark = pytest.mark.usefixtures("farm")
CHECK = "/api/automation/check"


def off(**more: Any) -> dict[str, Any]:
    """Return a rule that switches off what ``rule()`` switches on."""
    return rule(name="Fan off", actions=[{"type": "device_command", "config": {"command": "turn_off_fan"}}], **more)


def codes(document: dict[str, Any]) -> list[str]:
    return [one["code"] for one in document["warnings"]]


def test_a_check_finds_what_a_rule_would_do_to_a_saved_one(owner: FlaskClient) -> None:
    first = saved(owner, rule())
    answer = body_of(owner.post(CHECK, json=off()))

    assert [(one["kind"], one["grade"]) for one in answer["findings"]] == [("action_conflict", "certain")]
    assert first["id"] in answer["findings"][0]["rules"]
    assert answer["findings"][0]["witness"]["steps"]


def test_a_saved_rule_has_what_it_brings_among_its_warnings(owner: FlaskClient) -> None:
    first = saved(owner, rule())
    second = saved(owner, off())

    assert codes(first) == []
    assert codes(second) == ["action_conflict"]
    assert second["warnings"][0]["grade"] == "certain"
    assert sorted(second["warnings"][0]["rules"]) == sorted([first["id"], second["id"]])


def test_an_edit_tells_only_what_it_brings(owner: FlaskClient) -> None:
    saved(owner, rule())
    second = saved(owner, off(priority=5))
    path = f"{RULES}/{second['id']}"

    assert codes(second) == ["shadowed"]
    assert codes(body_of(owner.patch(path, json={"priority": 0}))) == ["action_conflict"]
    assert codes(body_of(owner.patch(path, json={"description": "the same"}))) == []


def test_a_removed_rule_is_compared_no_more(owner: FlaskClient) -> None:
    first = saved(owner, rule())
    assert owner.delete(f"{RULES}/{first['id']}").status_code == 204

    assert body_of(owner.post(CHECK, json=off()))["findings"] == []


def test_nobody_is_told_of_a_rule_that_they_may_not_see(owner: FlaskClient, acting_as: As) -> None:
    saved(owner, rule())
    manager = acting_as("manager", "farm-b")
    theirs = off(scope={"room": "room-3"})
    answer = body_of(manager.post(CHECK, json=theirs))

    assert answer["valid"] is True
    assert answer["findings"] == []
    assert codes(saved(manager, theirs)) == []
    kinds = {one["kind"] for one in body_of(owner.post(CHECK, json=theirs))["findings"]}
    assert "action_conflict" in kinds

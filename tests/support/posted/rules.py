"""Rules as tests post them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient

As = Callable[..., FlaskClient]
RULES = "/api/automation/rules"


def body_of(response: Any) -> Any:
    assert response.json is not None, response.data
    return response.json


def saved(client: FlaskClient, document: Any, status: int = 201, path: str = RULES) -> Any:
    response = client.post(path, json=document)
    assert response.status_code == status, response.data
    return body_of(response)


def rule(**more: Any) -> dict[str, Any]:
    """Return a rule in the shape of our language."""
    return {
        "name": "Fan when warm",
        "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
        "conditions": [{"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 30}}],
        "actions": [{"type": "device_command", "config": {"command": "turn_on_fan"}}],
        **more,
    }


def about_rules(path: str) -> bool:
    """Tell whether a route is one of rules, which ``test_fuzz_rules`` asks with a schema that generators can follow."""
    return path.startswith("/api/automation/") or path.endswith("/automation")


SMALL = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "trigger", "conditions", "actions"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 20},
        "priority": {"type": "integer", "minimum": -5, "maximum": 5},
        "scope": {"enum": [{}, {"room": "room-1"}, {"device": "dev-1", "per": "room"}, {"farm": "nowhere"}]},
        "trigger": {"enum": [rule()["trigger"], {"type": "manual"}, {"type": "time", "config": {"every_seconds": 60}}]},
        "conditions": {"enum": [rule()["conditions"], []]},
        "actions": {"enum": [rule()["actions"]]},
    },
}
"""A schema of some rules, for generators: schemathesis cannot follow the ``if`` and ``then`` of the whole one."""

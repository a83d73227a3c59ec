"""An explanation without its words: what two explanations of one instant must agree in."""

from __future__ import annotations

from typing import Any


def shortly(told: dict[str, Any]) -> dict[str, Any]:
    """Return what is to be the same."""
    keys = ("truth", "first_failed", "blocked", "last_fired", "can_fire_from")
    return {**{key: told.get(key) for key in keys}, "conditions": [_branch(one) for one in told["conditions"]]}


def _branch(one: dict[str, Any]) -> Any:
    readings = [(read["value"], read.get("at")) for read in one.get("readings", ())]
    return one["path"], one["truth"], one.get("due"), readings, [_branch(each) for each in one.get("conditions", ())]

"""Every resource of the API: its routes and its named schemas, in one list."""

from __future__ import annotations

from typing import Any

from whenthen_server.api import (
    audit,
    automation,
    backtests,
    commands,
    devices,
    events,
    executions,
    explanations,
    farms,
    history,
    keys,
    members,
    notifications,
    readings,
    rooms,
    rule_check,
    rule_control,
    rule_statistics,
    rule_trial,
    rule_versions,
    rules,
    service,
    sessions,
)
from whenthen_server.api.parts import Parts, Rooms
from whenthen_server.api.route import Route

_PARTS = (
    farms,
    rooms,
    devices,
    readings,
    history,
    commands,
    events,
    members,
    keys,
    notifications,
    sessions,
    audit,
    rules,
    rule_versions,
    rule_check,
    rule_control,
    rule_trial,
    explanations,
    backtests,
    executions,
    rule_statistics,
)


def all_routes(house: Rooms) -> list[Route]:
    """Return the routes of every resource."""
    return [route for part in _PARTS for route in part.routes(house)] + own_routes(house)


def own_routes(parts: Parts) -> list[Route]:
    """Return the routes of the server about itself, which need nothing in it."""
    return [*service.routes(parts), *automation.routes(parts)]


def all_schemas() -> dict[str, Any]:
    """Return the named schemas of every resource."""
    return {name: schema for part in (service, automation, *_PARTS) for name, schema in part.SCHEMAS.items()}

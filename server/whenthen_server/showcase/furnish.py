"""Registers what the simulated farm has, and its rules: what is there already stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whenthen.runtime import Runtime
from whenthen_server.store.places import DeviceRecord, FarmRecord, Places, PutPlace, Record, RoomRecord

DRIVER = "simulated"
_COMMIT_SECONDS = 30.0


def furnish(
    runtime: Runtime, places: Places, description: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]
) -> None:
    """Add the farm, rooms and devices of a *description*, and the *rules*, where they are missing."""
    now_us = runtime.now_us()
    farm = description["farm"]
    records: list[Record] = [FarmRecord(created_us=now_us, **farm)]
    records += [
        RoomRecord(one["id"], one["farm_id"], one["name"], now_us, one["stage"]) for one in description["rooms"]
    ]
    records += [_device(one, now_us) for one in description["devices"]]
    missing = [one for one in records if one.id not in places.table(type(one))]
    for ticket in [runtime.submit(PutPlace(places, one, new=True)) for one in missing]:
        ticket.wait(_COMMIT_SECONDS)
    known = set(runtime.writer.engine.rule_ids)
    for rule in rules:
        if rule["id"] not in known:
            runtime.put_rule(rule, who="demo")


def _device(described: Mapping[str, Any], now_us: int) -> DeviceRecord:
    return DeviceRecord(
        id=described["id"],
        room_id=described["room_id"],
        name=described.get("name", described["id"]),
        created_us=now_us,
        type=described["type"],
        driver=DRIVER,
        capabilities=described.get("capabilities", {}),
        stale_after_seconds=described.get("stale_after_seconds", 900.0),
    )

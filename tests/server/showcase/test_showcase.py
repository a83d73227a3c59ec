"""The demo: the farm registered, living in time with the clock, obeying rules, and broken over REST."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from listening.heard import until

from whenthen.clock import ManualClock
from whenthen_server.settings import load_settings
from whenthen_server.showcase import Showcase, open_showcase
from whenthen_server.store import commands
from whenthen_server.store.database import reading

NEVER = 3600.0


def opened(folder: Path, clock: ManualClock) -> Showcase:
    unlimited = {"WHENTHEN_LIMITS_REQUESTS_PER_SECOND": "1000000"}
    settings = load_settings(None, {"WHENTHEN_DATA_FOLDER": str(folder / "data"), **unlimited})
    return open_showcase(settings, clock=clock, step_seconds=NEVER)


@pytest.fixture
def turned() -> ManualClock:
    return ManualClock(datetime(2026, 1, 12, 8, tzinfo=UTC))


@pytest.fixture
def showcase(tmp_path: Path, turned: ManualClock) -> Generator[Showcase]:
    found = opened(tmp_path, turned)
    yield found
    found.house.close(10.0)


@pytest.fixture
def owner(showcase: Showcase) -> FlaskClient:
    key = (showcase.house.settings.data.folder / "owner.key").read_text(encoding="utf-8").strip()
    client = showcase.app().test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


def play(showcase: Showcase, clock: ManualClock, minutes: float) -> None:
    for _ in range(round(minutes * 2)):
        clock.turn(seconds=30)
        showcase.playing.step()
        showcase.live.tick()


def states(showcase: Showcase, device: str) -> list[str]:
    with reading(showcase.house.database) as connection:
        found, _ = commands.listed(connection, [device], state=None, limit=1_000)
    return [one.state for one in found]


def test_the_farm_lives_and_its_rules_command_it(showcase: Showcase, turned: ManualClock) -> None:
    places = showcase.house.places
    assert (len(places.farms), len(places.devices_by_id)) == (2, 17)
    play(showcase, turned, 30)
    showcase.live.tick()

    until(lambda: any("acknowledged" in states(showcase, device) for device in places.devices_by_id))
    assert places.devices_by_id["fruiting-air"].online
    assert showcase.house.runtime.writer.engine.newest("fruiting-air", "temperature_c") is not None


def test_a_silent_device_goes_offline(showcase: Showcase, owner: FlaskClient, turned: ManualClock) -> None:
    play(showcase, turned, 3)
    assert showcase.house.places.devices_by_id["fruiting-air"].online
    body = {"kind": "silent_device", "target": "fruiting-air"}
    assert owner.post("/api/demo/faults", json=body).status_code == 201
    play(showcase, turned, 3)

    assert not showcase.house.places.devices_by_id["fruiting-air"].online


def test_a_device_that_rejects_commands_is_named(showcase: Showcase, owner: FlaskClient, turned: ManualClock) -> None:
    fired: list[str] = []
    showcase.house.runtime.listen(
        lambda turn: fired.extend(one.firing.rule_id for one in turn.executions if one.cause == "event rule_failed")
    )
    for device in [one for one in showcase.house.places.devices_by_id if not one.endswith(("air", "safety"))]:
        owner.post("/api/demo/faults", json={"kind": "rejects_commands", "target": device})
    play(showcase, turned, 30)

    until(lambda: "demo-failed" in fired)


def test_faults_are_listed_and_repaired(owner: FlaskClient) -> None:
    made = owner.post("/api/demo/faults", json={"kind": "leak", "target": "fruiting"})
    listed = owner.get("/api/demo/faults").get_json()

    assert made.get_json()["id"] == "leak:fruiting"
    assert [one["id"] for one in listed["faults"]] == ["leak:fruiting"]
    assert "open_door:tent" in [one["id"] for one in listed["possible"]]
    assert owner.get("/api/demo/state").get_json()["faults"][0]["id"] == "leak:fruiting"
    assert owner.delete("/api/demo/faults/leak:fruiting").status_code == 204
    assert owner.delete("/api/demo/faults/leak:fruiting").status_code == 404


@pytest.mark.parametrize(
    "body",
    [{"kind": "leak", "target": "moon"}, {"kind": "x", "target": "tent"}, {"kind": "leak", "target": "tent", "z": 1}],
)
def test_a_fault_that_cannot_be_is_explained(owner: FlaskClient, body: dict[str, object]) -> None:
    answer = owner.post("/api/demo/faults", json=body)

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["pointer"]


def test_strangers_break_nothing(showcase: Showcase) -> None:
    client = showcase.app().test_client()

    assert client.post("/api/demo/faults", json={"kind": "leak", "target": "tent"}).status_code == 401


def test_a_second_start_goes_on_where_the_first_ended(tmp_path: Path, turned: ManualClock) -> None:
    first = opened(tmp_path, turned)
    first.house.runtime.remove_rule("demo-silent")
    turned.turn(seconds=7_200)  # as if it had lived faster than the machine
    for _ in range(12):
        first.playing.step()
    late_us = first.house.runtime.now_us()
    first.house.close(10.0)
    second = opened(tmp_path, ManualClock(datetime(2026, 1, 12, 8, tzinfo=UTC)))
    second.playing.step()

    assert second.house.runtime.now_us() >= late_us - 60_000_000
    assert len(second.house.places.devices_by_id) == 17
    second.house.close(10.0)

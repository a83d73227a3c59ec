"""The whole house without its web layer: actions act for real, and an end is orderly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from whenthen.runtime.manner import Manner
from whenthen.runtime.writer import Turn
from whenthen_server.settings import load_settings
from whenthen_server.signing_in import login_url
from whenthen_server.store import notifications
from whenthen_server.store.commands import Command, EndCommand, SendQueued
from whenthen_server.store.database import reading
from whenthen_server.store.places import DeviceRecord, PutPlace
from whenthen_server.wiring import House, build, manner_of

WAIT_SECONDS = 20.0


class Watch:
    """Listens for what is announced and for actions that end."""

    def __init__(self) -> None:
        self.news: list[tuple[str, Any]] = []
        self.ended: list[tuple[str, str, Any]] = []
        self._changed = threading.Condition()

    def __call__(self, turn: Turn) -> None:
        with self._changed:
            self.news += turn.news
            rows = [row for row in [*turn.new_actions, *turn.changed] if row.finished_us is not None]
            self.ended += [(row.call.type, row.state, row.error or row.result) for row in rows]
            self._changed.notify_all()

    def wait(self, until: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(until, WAIT_SECONDS), (self.news, self.ended)


def settings(folder: Path) -> Any:
    return load_settings(None, {"WHENTHEN_DATA_FOLDER": str(folder / "data")})


@pytest.fixture
def house(tmp_path: Path) -> Generator[House]:
    made = build(settings(tmp_path))
    made.runtime.submit(PutPlace(made.places, DeviceRecord("d1", "default", "d1", 1), True)).wait()
    yield made
    made.close(5)


def act(house: House, *actions: dict[str, Any]) -> Watch:
    watch = Watch()
    house.runtime.listen(watch)
    house.runtime.put_rule(
        {
            "id": "r",
            "name": "Hot",
            "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
            "conditions": [
                {"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 30}},
            ],
            "actions": list(actions),
        }
    )
    house.runtime.take("d1", {"temperature": 31})
    watch.wait(lambda: len(watch.ended) == len(actions))
    return watch


def test_a_command_is_queued_for_the_device_once_and_can_be_answered(house: House) -> None:
    watch = act(house, {"type": "device_command", "config": {"command": "turn_on_fan"}})
    ((kind, state, result),) = watch.ended

    assert (kind, state, result[0]["state"]) == ("device_command", "done", "queued")
    (sent,) = house.runtime.submit(SendQueued("d1")).wait()
    assert (sent.name, sent.who, sent.id) == ("turn_on_fan", "rule r", result[0]["command_id"])
    house.runtime.submit(EndCommand(sent.id, "acknowledged", device_id="d1")).wait()
    states = [payload.state for kind, payload in watch.news if isinstance(payload, Command)]
    assert states == ["queued", "sent", "acknowledged"]


def test_a_command_to_a_device_that_is_not_there_is_refused_with_the_reason(house: House) -> None:
    watch = act(house, {"type": "led", "config": {"color": "red", "device": "d9"}})

    assert watch.ended == [("led", "failed", "ActionRefusedError: there is no device 'd9'")]


def test_a_log_line_a_notification_and_a_broadcast_arrive(house: House, tmp_path: Path) -> None:
    watch = act(
        house,
        {"type": "log", "config": {"file": "hot.csv", "format": "{temperature},{device_id}", "append": True}},
        {"type": "notify", "config": {"message": "{temperature} degrees", "level": "warning"}},
        {"type": "broadcast", "config": {"event": "automation_alert", "data": {"t": "{temperature}"}}},
    )

    assert [state for _, state, _ in watch.ended] == ["done"] * 3, watch.ended
    assert (tmp_path / "data" / "files" / "hot.csv").read_text() == "31,d1\n"
    with reading(house.database) as connection:
        (kept,) = notifications.listed(connection, ["default"], unread=True, limit=9)[0]
    assert (kept.message, kept.level, kept.rule_id, kept.room_id) == ("31 degrees", "warning", "r", "default")
    (told,) = [payload for kind, payload in watch.news if kind == "broadcast"]
    assert (told["event"], told["data"], told["origin"].room) == ("automation_alert", {"t": 31}, "default")


def test_a_request_into_the_house_itself_is_refused(house: House) -> None:
    watch = act(house, {"type": "webhook", "config": {"url": "http://127.0.0.1:8081/x", "method": "POST"}})
    ((_, state, error),) = watch.ended

    assert state == "failed"
    assert "127.0.0.1" in error


def test_a_mail_without_a_mail_server_says_which_setting_is_missing(house: House) -> None:
    watch = act(house, {"type": "email", "config": {"recipients": ["a@example.com"], "message": "x"}})

    assert "mail.host" in watch.ended[0][2]


def test_a_custom_function_acts_through_the_services(house: House) -> None:
    house.runtime.submit(
        PutPlace(house.places, DeviceRecord("screen", "default", "screen", 1, type="display"), True)
    ).wait()
    watch = act(house, {"type": "custom", "config": {"function": "update_comfort_display", "params": {"score": 80}}})

    assert watch.ended[0][:2] == ("custom", "done")
    sent = house.runtime.submit(SendQueued("screen")).wait()
    assert [(one.name, one.params["score"]) for one in sent] == [("display", 80)]


def test_every_firing_keeps_why_it_fired(house: House) -> None:
    seen: list[Any] = []
    house.runtime.listen(lambda turn: seen.extend(turn.executions))
    act(house, {"type": "log", "config": {"message": "x"}})
    (execution,) = [one for one in seen if one.firing.rule_id == "r"]

    assert execution.trace is not None
    assert execution.trace["truth"] is True
    assert execution.trace["conditions"][0]["readings"][0]["value"] == 31
    assert execution.cause == "reading of d1"


def test_all_parts_are_well_and_the_database_s_end_is_told(house: House) -> None:
    assert {part.status for part in house.health().values()} == {"ok"}
    house.runtime.stop()

    assert house.health()["writer"].status == "down"


def test_what_is_queued_at_the_end_is_there_at_the_next_start(tmp_path: Path) -> None:
    first = build(settings(tmp_path))
    first.runtime.submit(PutPlace(first.places, DeviceRecord("d1", "default", "d1", 1), True)).wait()
    act(first, {"type": "led", "config": {"color": "red"}})
    first.stopping()
    first.close(5)
    second = build(settings(tmp_path))
    try:
        assert [one.name for one in second.runtime.submit(SendQueued("d1")).wait()] == ["led"]
        assert second.runtime.writer.engine.counters("r")["execution_count"] == 1
    finally:
        second.close(5)


def test_another_address_to_sign_in_can_be_made_while_it_runs(house: House, tmp_path: Path) -> None:
    assert login_url(settings(tmp_path)) != house.login_path


def test_what_the_settings_say_of_the_rules_reaches_the_runtime(tmp_path: Path) -> None:
    given = {
        "WHENTHEN_DATA_FOLDER": str(tmp_path / "data"),
        "WHENTHEN_AUTOMATION_ENABLED": "false",
        "WHENTHEN_AUTOMATION_SCHEDULER_POLLING_INTERVAL": "0.5",
        "WHENTHEN_AUTOMATION_EXECUTION_TIMEOUT_SECONDS": "7",
        "WHENTHEN_AUTOMATION_EXECUTION_RETRY_FAILED_ACTIONS": "false",
        "WHENTHEN_AUTOMATION_EXECUTION_MAX_ACTION_RETRIES": "9",
    }
    assert manner_of(load_settings(None, given).automation) == Manner(
        paused=True, wait_us=500_000, attempt_us=7_000_000, retrying=False, retries=9
    )

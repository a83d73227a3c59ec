"""What the running server does can be read at /metrics."""

from __future__ import annotations

from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from whenthen.runtime.items import Given
from whenthen_server.wiring import House

RULE = {
    "id": "r",
    "name": "r",
    "trigger": {"type": "sensor", "config": {"sensor": "t"}},
    "conditions": [],
    "actions": [{"type": "log", "config": {"message": "warm"}}],
}


def test_readings_firings_actions_commits_and_queues_are_counted(house: House, owner: FlaskClient) -> None:
    house.runtime.put_rule(RULE)
    now_us = house.runtime.now_us()
    house.runtime.take_all(
        [Given("d", {"t": 1}, now_us), Given("d", {"t": 1}, now_us), Given("d", {"t": float("nan")})]
    )
    house.stopping()
    house.runtime.stop()  # so that the action has ended

    page = owner.get("/metrics").get_data(as_text=True)
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
    assert found["whenthen_readings_total", "stored"] == 1
    assert found["whenthen_readings_total", "duplicate"] == 1
    assert found["whenthen_readings_total", "refused"] == 1
    assert (
        found["whenthen_evaluations_total",] == 2
    )  # when it was saved, and at the one reading that said something new
    assert found["whenthen_firings_total", "fired"] == 1
    assert found["whenthen_actions_total", "done", "log"] == 1
    assert found["whenthen_action_seconds_count", "log"] == 1
    assert found["whenthen_arrival_to_action_seconds_count",] == 1
    assert found["whenthen_commit_seconds_count",] > 2
    assert {name[1] for name in found if name[0] == "whenthen_queue_depth"} == {"intake", "outbox", "actions"}


def test_what_there_is_no_room_for_is_counted_as_dropped(house: House) -> None:
    house.runtime.intake.capacity = 0
    for _ in range(3):
        try:
            house.runtime.event("e")
        except Exception as error:  # noqa: BLE001 - whatever the refusal is, it is to be counted
            assert type(error).__name__ == "QueueFullError"  # noqa: PT017
    house.runtime.intake.capacity = 10
    house.runtime.event("e")
    house.runtime.event("e")  # the commit before has been counted when this one is answered

    assert b'whenthen_drops_total{queue="intake",reason="full"} 3.0' in house.metrics.page()

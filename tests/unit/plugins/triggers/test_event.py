"""The event trigger."""

from whenthen import EventTrigger
from whenthen_plugins.triggers.event import EventHappens


def test_an_event_is_matched_on_its_data() -> None:
    trigger = EventHappens({"event": "sensor_stale", "match": {"sensor": "co2"}})

    assert trigger.events() == (EventTrigger("sensor_stale", {"sensor": "co2"}),)


def test_without_match_any_data_will_do() -> None:
    assert EventHappens({"event": "door"}).events() == (EventTrigger("door", {}),)

"""``event``: something that happens starts an evaluation."""

from __future__ import annotations

from whenthen import EventTrigger, Trigger, load_schema


class EventHappens(Trigger):
    """Starts on an event whose data hold everything in ``match``."""

    type = "event"
    schema = load_schema("trigger.event")
    examples = ({"event": "device_disconnected"}, {"event": "sensor_stale", "match": {"sensor": "temperature"}})

    def events(self) -> tuple[EventTrigger, ...]:
        """Return the one event."""
        return (EventTrigger(self.config["event"], self.config.get("match", {})),)

    def describe(self) -> str:
        """Return for example ``the event device_disconnected``."""
        return f"the event {self.config['event']}"

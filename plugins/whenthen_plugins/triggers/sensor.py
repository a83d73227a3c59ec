"""``sensor``: a reading starts an evaluation, at most once per interval."""

from __future__ import annotations

from collections.abc import Iterable

from whenthen import Problem, SensorTrigger, Trigger, load_schema, seconds_us


class SensorReads(Trigger):
    """Starts on a reading of one of the sensors; ``interval`` is in seconds."""

    type = "sensor"
    schema = load_schema("trigger.sensor")
    examples = ({"sensor": "temperature", "interval": 60},)

    def sensors(self) -> tuple[SensorTrigger, ...]:
        """Return one trigger a sensor."""
        config = self.config
        names = config["sensors"] if "sensors" in config else (config["sensor"],)
        interval_us = seconds_us(config.get("interval", 0))
        return tuple(SensorTrigger(name, config.get("device"), interval_us) for name in names)

    def problems(self) -> Iterable[Problem]:
        """Exactly one of ``sensor`` and ``sensors``."""
        if ("sensor" in self.config) is ("sensors" in self.config):
            yield Problem("bad_value", "", "give either sensor or sensors", "sensors takes a list of names")

    def describe(self) -> str:
        """Return for example ``a reading of temperature``."""
        return "a reading of " + " or ".join(trigger.sensor for trigger in self.sensors())

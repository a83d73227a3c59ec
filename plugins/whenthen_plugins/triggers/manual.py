"""``manual``: nothing starts it but a person, an API call or another rule."""

from __future__ import annotations

from whenthen import SensorTrigger, Trigger, load_schema


class Manual(Trigger):
    """Starts nothing by itself."""

    type = "manual"
    schema = load_schema("trigger.manual")
    examples = ({},)

    def sensors(self) -> tuple[SensorTrigger, ...]:
        """Return none: no reading starts it."""
        return ()

    def describe(self) -> str:
        """Return who starts it."""
        return "a run by hand or by another rule"

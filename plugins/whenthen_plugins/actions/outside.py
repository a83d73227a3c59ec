"""``webhook``, ``log``, ``notify``, ``email``, ``sms``, ``broadcast``, ``custom``: what leaves the house.

Each asks its service to do the work; the services come with the program that embeds the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from whenthen import Action, ActionCall, load_schema


class Webhook(Action):
    """One guarded HTTP request."""

    type = "webhook"
    schema = load_schema("action.webhook")
    delivery = "idempotent"
    services = ("http",)
    examples = ({"url": "https://api.example.com/alerts", "method": "POST", "data": {"value": "{temperature}"}},)

    def perform(self, call: ActionCall, services: Any) -> Any:
        """Send the request through the guarded client, under the call's key at every attempt."""
        deadline_us = getattr(services, "deadline_us", None)
        return services.http.request(call.config, key=_key(services), deadline_us=deadline_us)


class Log(Action):
    """Writes a line to the log, or to a file below the data folder."""

    type = "log"
    schema = load_schema("action.log")
    services = ("files",)
    blank_texts = ("format",)
    examples = (
        {"message": "CO2 alert: {co2} ppm", "level": "warning"},
        {"file": "temperature_log.csv", "format": "{timestamp},{temperature}", "append": True},
    )

    def perform(self, call: ActionCall, services: Any) -> Any:
        """Write the line."""
        return services.files.log(call.config)


class Message(Action):
    """The common part of messages to people."""

    services = ("messages",)

    def perform(self, call: ActionCall, services: Any) -> Any:
        """Hand the message over, with who caused it as far as the dispatcher says."""
        origin = getattr(services, "origin", None)
        return services.messages.send(self.type, call.config, key=_key(services), origin=origin)


class Notify(Message):
    """A notification to the people of the farm."""

    type = "notify"
    schema = load_schema("action.notify")
    examples = ({"message": "The cellar is at {temperature} °C"},)


class Email(Message):
    """An e-mail."""

    type = "email"
    schema = load_schema("action.email")
    examples = ({"recipients": ["grower@example.com"], "subject": "Cellar", "message": "{temperature} °C"},)


class Sms(Message):
    """A text message."""

    type = "sms"
    schema = load_schema("action.sms")
    examples = ({"recipients": ["+1234567890"], "message": "Fall detected! Time: {timestamp}"},)


class Broadcast(Action):
    """An event to every connected client that may see the subject."""

    type = "broadcast"
    schema = load_schema("action.broadcast")
    delivery = "idempotent"
    services = ("events",)
    examples = ({"event": "automation_alert", "data": {"co2": "{co2}"}},)

    def perform(self, call: ActionCall, services: Any) -> Any:
        """Broadcast the event."""
        return services.events.broadcast(call.config)


class CustomAction(Action):
    """A function that a plugin registered."""

    type = "custom"
    schema = load_schema("action.custom")
    services = (
        "functions",
        "http",
        "devices",
        "rules",
        "events",
        "files",
        "messages",
    )  # whatever the function asks for
    examples = ({"function": "update_comfort_display", "params": {"score": "{comfort_score}"}},)

    def functions(self) -> Sequence[str]:
        """Return the one function."""
        return (self.config["function"],)

    def perform(self, call: ActionCall, services: Any) -> Any:
        """Call the function with its parameters, and with the services if it asks for some."""
        return services.functions.call(call.config["function"], call.config.get("params", {}), services)


def _key(services: Any) -> str | None:
    """Return the call's idempotency key, where the program that embeds the engine gives one."""
    return getattr(services, "key", None)

"""``device_command``, ``led``, ``sound``: what is sent to a device, and which of its channels it sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whenthen import Action, ActionCall, Delivery, Effect, load_schema

_SWITCHES = {"turn_on_": "on", "turn_off_": "off", "open_": "open", "close_": "close"}


class ToDevice(Action):
    """The common part: the command that goes to each target device."""

    services = ("devices",)

    def command(self, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:  # noqa: ARG002 - to be overridden
        """Return the command's name and its parameters."""
        raise TypeError(f"{self.type} names no command")

    def perform(self, call: ActionCall, services: Any) -> Any:
        """Send the command to every target through the ``devices`` service and return its answers."""
        name, params = self.command(call.config)
        return [services.devices.send(device, name, params) for device in call.targets]

    def _effect(self, config: Mapping[str, Any], channel: str, value: Any) -> tuple[Effect, ...]:
        return (Effect(channel, value, config.get("device"), config.get("device_type")),)


class DeviceCommand(ToDevice):
    """Sends ``command`` with ``params``. One that sets a state (``turn_on_fan``, ``set_humidity``) may be repeated."""

    type = "device_command"
    schema = load_schema("action.device_command")
    examples = ({"command": "turn_on_fan"}, {"command": "set_humidity", "value": 90, "device": "actuator-001"})

    def delivery_of(self) -> Delivery:
        """Return ``idempotent`` for a command that sets a state, else ``at_most_once``."""
        return "idempotent" if self.effects(self.config) else "at_most_once"

    def effects(self, config: Mapping[str, Any]) -> tuple[Effect, ...]:
        """Return the channel that the command's name tells, ``fan`` for ``turn_on_fan``."""
        command, params = str(config["command"]), config.get("params")
        if command.startswith("set_"):
            return self._effect(config, command.removeprefix("set_"), config.get("value", params))
        for prefix, state in _SWITCHES.items():
            if command.startswith(prefix):
                return self._effect(config, command.removeprefix(prefix), [state, params] if params else state)
        return ()

    def touches_subject(self) -> bool:
        """Without a named device the command goes to the subject's own."""
        return "device" not in self.config

    def command(self, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return the command as written; a ``value`` joins the parameters."""
        params = dict(config.get("params", {}))
        if "value" in config:
            params["value"] = config["value"]
        return str(config["command"]), params


class Led(ToDevice):
    """Sets a lamp: colour, intensity in percent, mode."""

    type = "led"
    schema = load_schema("action.led")
    delivery = "idempotent"
    examples = ({"color": "red", "intensity": 100},)

    def effects(self, config: Mapping[str, Any]) -> tuple[Effect, ...]:
        """Return the channel ``led``, set to what is given."""
        given = {key: config[key] for key in ("color", "intensity", "mode") if key in config}
        return self._effect(config, "led", given)

    def command(self, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return ``led`` with what is given."""
        return "led", {key: config[key] for key in ("color", "intensity", "mode") if key in config}


class Sound(ToDevice):
    """Plays one of the device's sounds."""

    type = "sound"
    schema = load_schema("action.sound")
    delivery = "at_most_once"
    examples = ({"sound_id": 2},)

    def effects(self, config: Mapping[str, Any]) -> tuple[Effect, ...]:
        """Return the channel ``sound``: a device plays one at a time."""
        return self._effect(config, "sound", config["sound_id"])

    def command(self, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return ``sound`` with its number."""
        return "sound", {"sound_id": config["sound_id"]}

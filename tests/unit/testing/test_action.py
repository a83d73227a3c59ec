"""Each check of the contract of actions fails for an action that breaks it, and says what to do."""

from __future__ import annotations

from pathlib import Path
from traceback import format_exception
from typing import Any

import pytest

from whenthen import Action, ActionCall, Effect, EmitEvent, RunRule
from whenthen.testing import ActionContract


class Vent:
    """A fake of the devices that a house has."""

    def send(self, device: str, command: str, params: dict[str, Any]) -> dict[str, Any]:
        return {"device": device, "command": command, "params": params}


class Services:
    """What the house offers: devices, and more than anyone asks for."""

    devices = Vent()
    files = Vent()


class OpenVent(Action):
    """An action that keeps the contract."""

    type = "kit_open_vent"
    schema = {  # noqa: RUF012 - as authors write it
        "type": "object",
        "required": ["percent"],
        "additionalProperties": False,
        "properties": {"percent": {"type": ["number", "string"], "minimum": 0, "maximum": 100}},
    }
    delivery = "idempotent"
    services = ("devices",)
    examples = ({"percent": 40},)

    def effects(self, config: Any) -> tuple[Effect, ...]:
        return (Effect("vent", config["percent"]),)

    def perform(self, call: ActionCall, services: Any) -> Any:
        return [services.devices.send(device, "vent", dict(call.config)) for device in call.targets]


def failing(path: Path, check: str, attributes: dict[str, Any], **body: Any) -> str:
    """Run one check over the sound action with something replaced and return what the failure says."""
    action = type("Broken", (OpenVent,), attributes)
    more = {"action": action, "failures": path, "services": Services, "max_examples": 100, **body}
    contract = type("TestBroken", (ActionContract,), more)
    with pytest.raises(Exception) as failed:  # noqa: PT011 - whatever it is, the caller reads it
        getattr(contract(), check)()
    return "".join(format_exception(failed.value))


def test_a_sound_action_keeps_every_check(tmp_path: Path) -> None:
    body = {"action": OpenVent, "failures": tmp_path, "services": Services}
    contract = type("TestOpenVent", (ActionContract,), body)
    checks = [name for name in dir(contract) if name.startswith("test_") and getattr(contract, name)]
    for check in checks:
        getattr(contract(), check)()

    assert len(checks) == 10
    assert list(tmp_path.iterdir()) == []


def test_perform_is_left_out_without_services() -> None:
    contract: Any = type("TestOpenVent", (ActionContract,), {"action": OpenVent})

    assert contract.test_perform_returns_json_or_raises_what_it_declares is None


@pytest.mark.parametrize("changed", [{"delivery": "sometimes"}, {"delivery_of": lambda _self: None}])
def test_a_delivery_that_is_none(tmp_path: Path, changed: dict[str, Any]) -> None:
    assert "it is one of idempotent, at_most_once" in failing(tmp_path, "test_delivery_is_said", changed)


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        (lambda _self, _config: [Effect("vent", 1)], "it returns a tuple"),
        (lambda _self, _config: ("vent",), "it holds whenthen.Effect values"),
        (lambda _self, _config: (Effect("", 1),), "an effect names no channel"),
        (lambda _self, _config: (Effect("vent", 1, device=7),), "an effect's device is 7"),  # type: ignore[arg-type]
        (lambda _self, _config: (Effect("vent", {1, 2}),), "the value that 'vent' is set to is not JSON"),
        (lambda _self, _config: (Effect("vent", id(object())), Effect("vent", object.__new__(object))), "is not JSON"),
        (lambda _self, config: (Effect("vent", config.pop("percent")),), "effects() changed the config"),
    ],
)
def test_effects_that_are_not_well_formed(tmp_path: Path, effects: Any, said: str) -> None:
    assert said in failing(tmp_path, "test_effects_are_well_formed", {"effects": effects})


def test_effects_that_change(tmp_path: Path) -> None:
    seen: list[int] = []

    def effects(_self: Action, _config: Any) -> tuple[Effect, ...]:
        seen.append(1)
        return (Effect("vent", len(seen)),)

    assert "for the same config" in failing(tmp_path, "test_effects_are_well_formed", {"effects": effects})


@pytest.mark.parametrize(
    ("consequences", "said"),
    [
        (lambda _self, _config: [], "it returns a tuple"),
        (lambda _self, _config: ("other rule",), "it holds RunRule, EmitEvent or ControlRule"),
        (lambda _self, _config: (RunRule(""),), "a consequence has no target"),
        (lambda _self, _config: (EmitEvent("vented", {"at": object()}),), "is not JSON"),
    ],
)
def test_consequences_that_are_not_well_formed(tmp_path: Path, consequences: Any, said: str) -> None:
    assert said in failing(tmp_path, "test_consequences_are_well_formed", {"consequences": consequences})


def test_effects_that_trip_over_a_filled_in_text(tmp_path: Path) -> None:
    def effects(_self: Action, config: Any) -> tuple[Effect, ...]:
        percent = config["percent"]
        return (Effect("vent", percent.strip() if isinstance(percent, str) else percent + 0),)

    said = failing(tmp_path, "test_any_reading_may_fill_its_texts_in", {"effects": effects})

    assert "with a placeholder filled in, effects() or consequences() fails: action" in said
    assert "raised TypeError" in said


@pytest.mark.parametrize(
    ("perform", "said"),
    [
        (lambda _self, _call, _services: {1, 2}, "what perform() returns is not JSON"),
        (lambda _self, _call, _services: float("nan"), "what perform() returns is not JSON"),
        (lambda _self, _call, services: services.files.send("a", "b", {}), "uses the service 'files' without asking"),
        (lambda _self, _call, services: services.devices.open(), "perform() raises AttributeError"),
        (lambda _self, call, _services: call.config.clear(), "perform() changed the config"),
    ],
)
def test_a_performance_that_breaks_the_contract(tmp_path: Path, perform: Any, said: str) -> None:
    check = "test_perform_returns_json_or_raises_what_it_declares"

    assert said in failing(tmp_path, check, {"perform": perform})


def test_a_refusal_that_is_declared_is_no_failure(tmp_path: Path) -> None:
    class Refusing:
        class devices:  # noqa: N801 - stands for an attribute
            @staticmethod
            def send(*_: Any) -> None:
                raise OSError("unreachable")

    body = {"action": OpenVent, "failures": tmp_path, "services": Refusing}

    type("TestOpenVent", (ActionContract,), body)().test_perform_returns_json_or_raises_what_it_declares()

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from whenthen import ActionRefusedError, Function
from whenthen.extend.host import load_registry
from whenthen_server.services.functions import Functions

MAPPING = {
    "excellent": {"color": "green", "threshold": 80},
    "good": {"color": "blue", "threshold": 60},
    "fair": {"color": "yellow", "threshold": 40},
    "poor": {"color": "red", "threshold": 0},
}
"""As the requirements' comfort rule has it."""


class Devices:
    """The devices service of a dispatcher: what it sent, and which displays the subject has."""

    def __init__(self, *displays: str) -> None:
        self._displays = displays
        self.sent: list[tuple[str, str, Any]] = []

    def of_type(self, kind: str) -> list[str]:
        return list(self._displays) if kind == "display" else []

    def send(self, device: str, command: str, params: Any) -> None:
        self.sent.append((device, command, params))


def functions(*more: Function) -> Functions:
    return Functions({**load_registry().functions, **{function.name: function for function in more}})


def test_a_function_is_called_with_its_parameters() -> None:
    assert functions(Function("twice", lambda params: params["x"] * 2, action=True)).call("twice", {"x": 21}) == 42


def test_a_function_that_asks_for_services_gets_them() -> None:
    asking = Function("ask", lambda params, services: [params["x"], services.key], action=True, services=("devices",))

    assert functions(asking).call("ask", {"x": 1}, SimpleNamespace(key="k")) == [1, "k"]


@pytest.mark.parametrize("name", ["nothing", "abs", "detect_fall_pattern", "__import__", ""])
def test_a_name_that_is_no_action_function_is_refused_and_the_others_are_named(name: str) -> None:
    with pytest.raises(ActionRefusedError, match="there are: update_comfort_display"):
        functions().call(name, {"x": 1})


@pytest.mark.parametrize("result", [object(), {1, 2}, float("nan"), b"x"])
def test_a_result_that_is_no_json_is_refused(result: Any) -> None:
    with pytest.raises(ActionRefusedError, match="cannot be written as JSON"):
        functions(Function("odd", lambda _params: result, action=True)).call("odd", {})


def test_what_a_function_raises_goes_on_to_the_dispatcher() -> None:
    with pytest.raises(ZeroDivisionError):
        functions(Function("bad", lambda _params: 1 // 0, action=True)).call("bad", {})


@pytest.mark.parametrize(
    ("score", "level", "color"),
    [
        (100, "excellent", "green"),
        (80, "excellent", "green"),
        (79.9, "good", "blue"),
        (40, "fair", "yellow"),
        (0, "poor", "red"),
        (-1, None, None),
    ],
)
def test_a_display_shows_the_level_that_the_score_reaches(score: float, level: str | None, color: str | None) -> None:
    devices = Devices("display-1", "display-2")
    shown = {"score": score, "level": level, "color": color}
    result = functions().call(
        "update_comfort_display", {"score": score, "led_mapping": MAPPING}, SimpleNamespace(devices=devices)
    )

    assert result == {**shown, "displays": ["display-1", "display-2"]}
    assert devices.sent == [("display-1", "display", shown), ("display-2", "display", shown)]


@pytest.mark.parametrize(
    ("services", "displays"),
    [
        (None, []),
        (SimpleNamespace(), []),
        (SimpleNamespace(devices=Devices()), []),
        (SimpleNamespace(devices=SimpleNamespace()), []),
    ],
)
def test_without_a_display_the_result_says_what_one_would_show(services: Any, displays: list[str]) -> None:
    result = functions().call("update_comfort_display", {"score": 70, "led_mapping": MAPPING}, services)

    assert result == {"score": 70, "level": "good", "color": "blue", "displays": displays}


def test_a_display_that_is_named_is_the_only_one() -> None:
    devices = Devices("display-1")
    functions().call("update_comfort_display", {"score": 70, "device": "hall"}, SimpleNamespace(devices=devices))

    assert devices.sent == [("hall", "display", {"score": 70, "level": None, "color": None})]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"score": None},
        {"score": "70"},
        {"score": True},
        {"score": float("nan")},
        {"score": 70, "led_mapping": ["good"]},
        {"score": 70, "led_mapping": {"good": 60}},
        {"score": 70, "led_mapping": {"good": {"threshold": 60}}},
        {"score": 70, "led_mapping": {"good": {"threshold": "60", "color": "blue"}}},
    ],
    ids=str,
)
def test_a_score_or_a_mapping_that_is_none_is_refused_before_anything_is_sent(params: dict[str, Any]) -> None:
    devices = Devices("display-1")
    with pytest.raises(ActionRefusedError, match="the display cannot be updated"):
        functions().call("update_comfort_display", params, SimpleNamespace(devices=devices))

    assert devices.sent == []

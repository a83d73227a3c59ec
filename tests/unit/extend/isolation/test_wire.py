"""What crosses to another process and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from whenthen import ActionCall, Effect, EmitEvent, Problem, RunRule, SensorRef, SensorTrigger
from whenthen.extend.isolation.wire import line_of, message_of

CROSSING: list[Any] = [
    {"a": [1, 2.5, True, None, "ü\n"]},
    SensorRef("co2", "dev-1", "mean", 5),
    [Effect("power", {"on": True}, "fan-1"), RunRule("r", force=True), EmitEvent("e", {"n": 1})],
    Problem("bad_value", "/x", "no", "yes"),
    SensorTrigger("co2", None, 60),
    ActionCall("log", {"message": "x"}, "at_most_once", ("fan-1",), 5),
]


@pytest.mark.parametrize("value", CROSSING, ids=lambda value: type(value).__name__)
def test_what_crosses_comes_out_as_it_was(value: Any) -> None:
    line = line_of({"value": value})

    assert line.count(b"\n") == 1
    assert message_of(line) == {"value": value}


@pytest.mark.parametrize(
    "value", [object(), {1: 2}, b"x", {"a": {1}}, int], ids=["object", "number as key", "bytes", "set", "class"]
)
def test_what_is_no_json_does_not_cross(value: Any) -> None:
    with pytest.raises(TypeError, match=r"cannot cross to another process"):
        line_of({"value": value})


@pytest.mark.parametrize(
    "line",
    [b"", b"5", b"[]", b"nonsense", b'{"\\u0000value":"Popen","args":"x"}', b'{"x":{"\\u0000value":"Effect"}}'],
    ids=repr,
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        message_of(line)

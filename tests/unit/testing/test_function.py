"""Each check of the contract of functions fails for a function that breaks it, and says what to do."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from traceback import format_exception
from typing import Any

import pytest

from whenthen import Function
from whenthen.testing import FunctionContract

NUMBERS = count()


def fahrenheit(celsius: float) -> float:
    return celsius * 9 / 5 + 32


def steady(view: Any, _params: Any) -> bool:
    before, view.state["last"] = view.state.get("last"), view["temperature"]
    return bool(before == view["temperature"])


def contract_of(path: Path, function: Any, **body: Any) -> type[FunctionContract]:
    return type("TestOne", (FunctionContract,), {"function": function, "failures": path, **body})


def failing(path: Path, check: str, function: Any, **body: Any) -> str:
    with pytest.raises(Exception) as failed:  # noqa: PT011 - whatever it is, the caller reads it
        getattr(contract_of(path, function, max_examples=100, **body)(), check)()
    return "".join(format_exception(failed.value))


def checks_of(contract: type[FunctionContract]) -> list[str]:
    return [name for name in dir(contract) if name.startswith("test_") and getattr(contract, name)]


@pytest.mark.parametrize(
    ("function", "checks"),
    [
        (Function("fahrenheit", fahrenheit), 4),
        (Function("steady", steady, condition=True, reads=("temperature",)), 3),
        (Function("ring", lambda _params: None, action=True), 1),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_a_sound_function_keeps_every_check_of_its_kind(tmp_path: Path, function: Function, checks: int) -> None:
    contract = contract_of(tmp_path, function)
    for check in checks_of(contract):
        getattr(contract(), check)()

    assert len(checks_of(contract)) == checks
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (Function("Fahrenheit", fahrenheit), "use snake_case"),
        (Function("fahrenheit", 9 / 5), "cannot be called"),  # type: ignore[arg-type]
        (Function("steady", steady, condition=True, action=True), "not for both"),
        (Function("steady", steady, condition=True, reads="temperature"), "it is a tuple of sensor names"),  # type: ignore[arg-type]
    ],
)
def test_a_function_that_is_not_registered_soundly(tmp_path: Path, function: Function, said: str) -> None:
    assert said in failing(tmp_path, "test_it_is_registered_soundly", function)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda value: [value], "(list); it returns a number, text, True, False or None"),
        (lambda value: complex(value, 1) if isinstance(value, float) else 0.0, "(complex)"),
        (lambda value: value.strip() and 1.0, "raises AttributeError"),
        (lambda value: {1: 1.0}[value], "raises KeyError"),
    ],
)
def test_a_value_that_is_no_scalar_or_an_error_that_is_not_declared(tmp_path: Path, call: Any, said: str) -> None:
    check = "test_it_returns_a_scalar_or_raises_what_it_declares"

    assert said in failing(tmp_path, check, Function("one", call))


def test_a_value_that_is_not_the_same_each_time(tmp_path: Path) -> None:
    said = failing(tmp_path, "test_it_is_pure", Function("one", lambda value: next(NUMBERS) + 0 * len(repr(value))))

    assert "an expression is the same each time" in said


def test_a_call_beyond_its_time(tmp_path: Path) -> None:
    said = failing(tmp_path, "test_it_is_quick", Function("fahrenheit", fahrenheit), time_limit_ms=0)

    assert "the limit is 0 (time_limit_ms)" in said


def test_arguments_may_be_given(tmp_path: Path) -> None:
    seen: list[Any] = []

    def kept(*arguments: Any) -> float:
        seen.append(arguments)
        return 1.0

    contract = contract_of(tmp_path, Function("one", kept), arguments=[(1, 2), (3,)])
    getattr(contract(), "test_it_is_pure")()  # noqa: B009 - Hypothesis gives it its argument

    assert set(seen) == {(1, 2), (3,)}


def _of_conditions(call: Any) -> Function:
    return Function("one", call, condition=True, reads=("temperature",))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda _view, _params: 1, "it returns True, False or None"),
        (lambda _view, params: params.update(seen=True), "it changed its parameters"),
        (lambda view, _params: view["temperature"].strip() == "on", "raises AttributeError"),
    ],
)
def test_a_function_of_conditions_that_answers_no_truth(tmp_path: Path, call: Any, said: str) -> None:
    assert said in failing(tmp_path, "test_its_truth_is_true_false_or_none", _of_conditions(call))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda _view, _params: next(NUMBERS) % 2 == 0, "with the same memory"),
        (lambda view, _params: bool(view.state.setdefault("seen", {1, 2})), "the memory (view.state) is not JSON"),
    ],
)
def test_a_function_of_conditions_that_keeps_its_memory_elsewhere(tmp_path: Path, call: Any, said: str) -> None:
    assert said in failing(tmp_path, "test_its_memory_is_in_the_state", _of_conditions(call))

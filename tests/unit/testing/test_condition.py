"""Each check of the contract of conditions fails for a condition that breaks it, and says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from traceback import format_exception
from typing import Any

import pytest

from whenthen import Atom, Binding, Check, Condition, Formula, Problem, SensorRef, Truth, View
from whenthen.testing import ConditionContract, readings

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["above"],
    "additionalProperties": False,
    "properties": {"above": {"type": "number", "description": "°C"}},
}


class Warm(Condition):
    """A condition that keeps the contract."""

    type = "kit_warm"
    schema = SCHEMA
    reads = ("temperature",)
    examples = ({"above": 20},)

    def evaluate(self, view: View) -> Truth:
        return bool(view["temperature"] > self.config["above"])


def broken(path: Path, condition: type[Condition], check: str, **attributes: Any) -> str:
    """Run one check over a condition and return what the failure says."""
    body = {"condition": condition, "failures": path, "max_examples": 200, **attributes}
    contract = type("TestBroken", (ConditionContract,), body)
    with pytest.raises(Exception) as failed:  # noqa: PT011 - whatever it is, the caller reads it
        getattr(contract(), check)()
    return "".join(format_exception(failed.value))


def named(**body: Any) -> type[Condition]:
    """Return the sound condition with something replaced."""
    return type("Broken", (Warm,), body)


def test_a_sound_condition_keeps_every_check(tmp_path: Path) -> None:
    contract = type("TestWarm", (ConditionContract,), {"condition": Warm, "failures": tmp_path})
    checks = [name for name in dir(contract) if name.startswith("test_") and getattr(contract, name)]
    for check in checks:
        getattr(contract(), check)()

    assert len(checks) == 12
    assert list(tmp_path.iterdir()) == []


def test_a_contract_without_a_condition_says_which_line_is_missing(tmp_path: Path) -> None:
    contract = type("TestNothing", (ConditionContract,), {"failures": tmp_path})

    with pytest.raises(TypeError, match="condition = YourCondition"):
        contract().test_the_schema_is_sound()


def test_a_check_can_be_left_out_by_name_and_only_one_that_there_is() -> None:
    left: Any = type("TestWarm", (ConditionContract,), {"condition": Warm, "leave_out": ("test_evaluation_is_quick",)})

    assert left.test_evaluation_is_quick is None
    assert left.test_evaluation_is_pure is not None
    with pytest.raises(TypeError, match="there are no such checks"):
        type("TestWarm", (ConditionContract,), {"condition": Warm, "leave_out": ("test_boundaries",)})


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "strnig"}, "not valid JSON Schema 2020-12"),
        ({"properties": {}}, '"type": "object"'),
        ({**SCHEMA, "required": ["abov"]}, "'abov' is required, but there is no such property"),
        ({"type": "object", "properties": {"above": {"type": "number", "minimun": 5}}}, "did you mean 'minimum'"),
        ({"type": "object", "properties": {"above": {}}}, "properties without a type take anything"),
        ("no schema", "the schema is a dict, not str"),
    ],
)
def test_a_faulty_schema(tmp_path: Path, schema: Any, said: str) -> None:
    assert said in broken(tmp_path, named(schema=schema), "test_the_schema_is_sound")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"examples": ({"above": "20"},)}, "the schema refuses the example"),
        ({"schema": {**SCHEMA, "examples": [{"below": 1}]}}, "the schema refuses the example"),
        ({"problems": lambda _self: [Problem("bad_value", "/above", "no")]}, "makes no valid rule: /conditions/0"),
    ],
)
def test_an_example_that_does_not_load(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    assert said in broken(tmp_path, named(**changed), "test_examples_load")


@pytest.mark.parametrize(
    ("answer", "said"),
    [(None, "a config is taken that the schema should refuse"), (KeyError("x"), "raises KeyError: 'x', not Invalid")],
)
def test_a_wrong_config_that_is_not_refused(tmp_path: Path, answer: Exception | None, said: str) -> None:
    # No schema can do this: what is taken against its own schema would be the engine's mistake, so that is played here.
    def compiled(_cls: type, config: Mapping[str, Any]) -> Any:
        if answer is not None and config != {"above": 20}:
            raise answer

    failed = broken(
        tmp_path, Warm, "test_wrong_configs_are_refused", compiled=classmethod(compiled), configs=[{"above": 20}]
    )

    assert said in failed


def _raising(_self: Any, *_: Any) -> Any:
    raise KeyError("unit")


@pytest.mark.parametrize("changed", [{"__init__": _raising}, {"problems": _raising}, {"cuts": _raising}])
def test_a_config_that_raises_instead_of_being_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    failed = broken(tmp_path, named(**changed), "test_any_config_is_taken_or_refused_with_problems")

    assert "raises KeyError: 'unit'; say it in problems()" in failed


@pytest.mark.parametrize("said", ["", "  ", None, 5])
def test_a_description_that_says_nothing(tmp_path: Path, said: Any) -> None:
    failed = broken(tmp_path, named(describe=lambda _self: said), "test_describe_is_a_sentence")

    assert f"describe() returned {said!r}" in failed


class ArrayTruth:
    """What an array library's comparison returns: true enough for ``if``, and no truth."""

    def __bool__(self) -> bool:
        return True


@pytest.mark.parametrize("truth", [1, "yes", ArrayTruth(), 0])
def test_an_answer_that_is_no_truth(tmp_path: Path, truth: Any) -> None:
    failed = broken(tmp_path, named(evaluate=lambda _self, _view: truth), "test_truth_is_true_false_or_none")

    assert f"({type(truth).__name__}); return True, False or None" in failed


class Counting(Warm):
    looks = 0

    def evaluate(self, view: View) -> Truth:
        self.looks += 1
        return self.looks % 2 == 0 and view["temperature"] is not None


class Remembering(Warm):
    highest = -1e9

    def evaluate(self, view: View) -> Truth:
        before, self.highest = self.highest, max(self.highest, float(view["temperature"]))
        return self.highest > before


class CountingLooks(Warm):
    def evaluate(self, view: View) -> Truth:
        view.state["looks"] = view.state.get("looks", 0) + 1
        return bool(view.state["looks"] > 3)


class Writing(Warm):
    def evaluate(self, view: View) -> Truth:
        self.config["seen"] = view["temperature"]  # type: ignore[index]
        return True


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (Counting, "something outside decides"),
        (Remembering, "it keeps something in itself|something outside decides"),
        (CountingLooks, "on a second look at the same instant"),
        (Writing, "evaluation changed the config"),
    ],
)
def test_an_evaluation_that_is_not_pure(tmp_path: Path, condition: type[Condition], said: str) -> None:
    failed = broken(tmp_path, condition, "test_evaluation_is_pure")

    assert any(part in failed for part in said.split("|"))


class Blind(Warm):
    def compile(self, bind: Binding) -> Check:
        read = bind.reader(SensorRef("temperature"))
        return lambda now_us: (read(now_us) or 0) == 0


class Nosy(Warm):
    def evaluate(self, view: View) -> Truth:
        return bool(view["temperature"] != view["humidity"])


def test_a_condition_that_is_known_without_its_reading(tmp_path: Path) -> None:
    said = broken(tmp_path, Blind, "test_a_missing_reading_makes_it_unknown")

    assert "without temperature it is True, not unknown" in said
    assert "needs_every_reading = False" in said


def test_a_condition_that_reads_what_it_does_not_declare(tmp_path: Path) -> None:
    said = broken(tmp_path, Nosy, "test_a_missing_reading_makes_it_unknown")

    assert "asks the view for ['humidity'], which neither reads nor sensors() names" in said


class TextOnly(Warm):
    def evaluate(self, view: View) -> Truth:
        return bool(view["temperature"].lower() == "on")


def test_a_hostile_reading_that_raises_what_is_not_declared(tmp_path: Path) -> None:
    said = broken(tmp_path, TextOnly, "test_hostile_readings_raise_only_declared_errors")

    assert "raises AttributeError" in said
    assert "only ValueError, TypeError, ArithmeticError may be raised" in said


def test_an_error_that_is_declared_is_no_failure(tmp_path: Path) -> None:
    body = {"condition": TextOnly, "failures": tmp_path, "raises": (AttributeError,)}

    type("TestTextOnly", (ConditionContract,), body)().test_hostile_readings_raise_only_declared_errors()


def test_an_evaluation_beyond_its_time(tmp_path: Path) -> None:
    assert "ms, the limit is 0 (time_limit_ms)" in broken(tmp_path, Warm, "test_evaluation_is_quick", time_limit_ms=0)


class WithSet(Warm):
    def evaluate(self, view: View) -> Truth:
        view.state["seen"] = {1, 2}
        return True


class WithTuple(Warm):
    def evaluate(self, view: View) -> Truth:
        view.state["seen"] = (1, 2)
        return True


class Forgetful(Warm):
    def compile(self, bind: Binding) -> Check:
        read = bind.reader(SensorRef("temperature"))
        seen: list[object] = []  # not in bind.state: gone with the process

        def check(now_us: int) -> Truth:
            value = read(now_us)
            if value is not None:
                seen.append(value)
            return len(set(map(repr, seen))) >= 2 if seen else None

        return check


class TellingASet(Warm):
    def evaluate(self, view: View) -> Truth:
        view.state["seen"] = True
        return True

    def explain(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"seen": {state["seen"]}}


class TellingAText(TellingASet):
    def explain(self, state: Mapping[str, Any]) -> Any:
        return f"seen: {state['seen']}"


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (TellingASet, "what explain() returns is not JSON"),
        (TellingAText, "explain() returned 'seen: True'; it returns an object"),
        (WithSet, "the memory (view.state) is not JSON"),
        (WithTuple, "does not survive a JSON round trip"),
        (Forgetful, "after a restart behind reading"),
    ],
)
def test_a_memory_that_a_restart_loses(tmp_path: Path, condition: type[Condition], said: str) -> None:
    few = {"configs": [{"above": 20}], "readings": readings(["temperature"], near=20, max_size=6)}

    assert said in broken(tmp_path, condition, "test_state_survives_json_and_a_restart", **few)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Exact(Condition):
    """A condition with every shortcut, all of them right."""

    type = "kit_exact"
    schema = SCHEMA
    reads = ("temperature",)
    examples = ({"above": 20},)

    def evaluate(self, view: View) -> Truth:
        value = view["temperature"]
        return bool(value > self.config["above"]) if _number(value) else None

    def compile(self, bind: Binding) -> Check | None:
        read = bind.reader(SensorRef("temperature"))

        def check(now_us: int) -> Truth:
            value = read(now_us)
            return bool(value > self.config["above"]) if _number(value) else None

        return check

    def lowered(self) -> Formula | None:
        return Atom(SensorRef("temperature"), ">", self.config["above"])


class WrongCompile(Exact):
    def compile(self, bind: Binding) -> Check:
        read = bind.reader(SensorRef("temperature"))

        def check(now_us: int) -> Truth:
            value = read(now_us)
            return bool(value >= self.config["above"]) if _number(value) else None

        return check

    def lowered(self) -> None:
        return None


class WrongLowered(Exact):
    def lowered(self) -> Formula:
        return Atom(SensorRef("temperature"), ">=", self.config["above"])


class WrongCuts(Exact):
    def lowered(self) -> None:
        return None

    def cuts(self) -> Mapping[SensorRef, tuple[float, ...]]:
        return {SensorRef("temperature"): (self.config["above"] + 5,)}


class WrongBounds(Exact):
    def bounds(self) -> Mapping[str, tuple[float, float]]:
        return {"temperature": (self.config["above"] + 1, float("inf"))}


@pytest.mark.parametrize(
    ("condition", "check", "said"),
    [
        (WrongCompile, "test_compile_agrees_with_evaluate", "compile() does not agree with evaluate()"),
        (WrongLowered, "test_lowered_agrees", "the condition is False, its lowered() formula True"),
        (WrongLowered, "test_cuts_leave_nothing_out", "lets the engine miss something"),
        (WrongCuts, "test_cuts_leave_nothing_out", "lets the engine miss something"),
        (WrongBounds, "test_bounds_agree", "bounds() says temperature from"),
    ],
)
def test_a_shortcut_that_goes_elsewhere(tmp_path: Path, condition: type[Condition], check: str, said: str) -> None:
    assert said in broken(tmp_path, condition, check)


def test_right_shortcuts_keep_every_check(tmp_path: Path) -> None:
    contract = type("TestExact", (ConditionContract,), {"condition": Exact, "failures": tmp_path})
    checks = [name for name in dir(contract) if name.startswith("test_") and getattr(contract, name)]
    for check in checks:
        getattr(contract(), check)()

    assert len(checks) == 16


class Expiring(Warm):
    """True in the first half of each hour, and never asks to be looked at again."""

    def evaluate(self, view: View) -> Truth:
        return view.now.minute < 30


class AskingBackwards(Warm):
    def due_in(self, view: View) -> float:
        return -1.0 if view.now_us else 0.0


class Asking(Expiring):
    def due_in(self, view: View) -> float:
        return 1_800 - (view.now_us / 1_000_000) % 1_800


def test_a_truth_that_time_changes_unasked(tmp_path: Path) -> None:
    said = broken(tmp_path, Expiring, "test_time_alone_changes_nothing_unasked")

    assert "return the seconds until then from due_in()" in said


def test_a_wait_that_is_none(tmp_path: Path) -> None:
    said = broken(tmp_path, AskingBackwards, "test_truth_is_true_false_or_none")

    assert "due_in() returned -1.0; it returns seconds, 0 or more, or None" in said


def test_a_truth_that_time_changes_where_it_asked_to_be_looked_at(tmp_path: Path) -> None:
    body = {"condition": Asking, "failures": tmp_path}

    type("TestAsking", (ConditionContract,), body)().test_time_alone_changes_nothing_unasked()

"""What is refused before anything walks it: found by the conformance kit, each once a crash."""

from __future__ import annotations

from typing import Any

import pytest

from whenthen.dsl.validate import Validator
from whenthen.extend.host import load_registry

VALIDATOR = Validator(load_registry())


def problems(condition: Any) -> list[tuple[str, str]]:
    rule = {
        "name": "r",
        "trigger": {"type": "sensor", "config": {"sensor": "t"}},
        "conditions": [condition],
        "actions": [{"type": "log", "config": {"message": "x"}}],
    }
    return [(problem.code, problem.pointer) for problem in VALIDATOR.problems(rule)]


@pytest.mark.parametrize("inner", [None, [], [{"type": "range", "config": {"sensor": "t", "min": 1}}], 7, "text"])
def test_an_inner_condition_that_is_no_object_is_refused_in_its_place(inner: Any) -> None:
    found = problems({"type": "duration", "config": {"condition": inner, "duration_seconds": 5}})

    assert found == [("bad_type", "/conditions/0/config/condition")]


@pytest.mark.parametrize("inner", [None, {"type": "range"}, 7])
def test_inner_conditions_that_are_no_list_are_refused_once(inner: Any) -> None:
    found = problems({"type": "composite", "config": {"operator": "AND", "conditions": inner}})

    assert found == [("bad_type", "/conditions/0/config/conditions")]


@pytest.mark.parametrize("number", [10**400, -(10**400), 10**5_000], ids=["large", "small", "unprintable"])
def test_a_whole_number_that_no_double_holds_is_refused(number: int) -> None:
    found = problems({"type": "range", "config": {"sensor": "t", "min": number}})

    assert found == [("bad_value", "/conditions/0/config/min")]


def test_the_largest_double_is_taken() -> None:
    assert problems({"type": "range", "config": {"sensor": "t", "min": 1.7976931348623157e308}}) == []


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (
            {"type": "log", "config": {"file": "../x", "message": "m"}},
            "is not written as it must be (such as alerts.log)",
        ),
        (
            {"type": "webhook", "config": {"url": "example.com"}},
            "is not written as it must be (such as https://example.com/hook)",
        ),
    ],
)
def test_what_is_not_written_as_it_must_be_is_told_with_an_example(action: Any, said: str) -> None:
    rule = {"name": "r", "trigger": {"type": "manual", "config": {}}, "actions": [action]}

    assert said in str(next(iter(VALIDATOR.problems(rule))))


def test_what_is_too_short_or_too_long_is_told_by_its_length() -> None:
    rule = {"name": "x" * 300, "trigger": {"type": "manual", "config": {}}, "actions": []}
    said = {problem.pointer: problem.message for problem in VALIDATOR.problems(rule)}

    assert said == {"/name": "must have at most 200 characters, not 300", "/actions": "must not be empty"}


def test_what_is_missing_is_told_once() -> None:
    told = [str(problem) for problem in Validator(load_registry()).problems({"id": "x"})]

    assert sorted(told) == sorted(set(told))
    assert len(told) == 3

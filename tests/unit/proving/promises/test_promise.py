"""Promises as they are written: every mistake with its place, notes left alone."""

from __future__ import annotations

from typing import Any

import pytest

from whenthen.dsl.rule import RuleCompiler
from whenthen.errors import InvalidRuleError
from whenthen.extend.host import load_registry
from whenthen.proving.promises.promise import AtMost, read_promise, read_promises

REGISTRY = load_registry()
ON = {"channel": "pump", "is": "on"}


def problems(promise: Any, **known: Any) -> list[str]:
    _, found = read_promises([promise], "/invariants", registry=REGISTRY, **known)
    return [str(problem) for problem in found]


NO_PROMISE = "this is no promise: it has none of never, always, whenever, at_most"
TWO_FORMS = "never and always are both given (make each a promise of its own)"
NO_FIELD = "there is no field \"longer_than_second\" (did you mean 'longer_than_seconds'?)"
NO_TYPE = "there is no condition of type \"comparsion\" (did you mean 'comparison'?)"
NO_RULE = "the field 'fires_of' is missing (outside of a rule the promise says whose firings it counts)"
UPSIDE_DOWN = {"condition": {"type": "range", "config": {"sensor": "t", "min": 5, "max": 3}}}


@pytest.mark.parametrize(
    ("promise", "pointer", "said"),
    [
        (3, "", "a promise is an object (one that has never, always, whenever or at_most)"),
        ({"nevr": ON}, "", f"{NO_PROMISE} (is 'nevr' meant to be 'never'?)"),
        ({"never": ON, "always": ON}, "/always", TWO_FORMS),
        ({"never": ON, "longer_than_second": 3}, "/longer_than_second", NO_FIELD),
        ({"never": {"channel": "pump"}}, "/never", "the field 'is' is missing (it is required)"),
        ({"never": [], "within_seconds": 1}, "/never", "must have at least 2 entries, not 0"),
        ({"never": [ON, ON]}, "", "the field 'within_seconds' is missing (it is required)"),
        ({"always": {"not": {"all": []}}}, "/always/not/all", "must not be empty"),
        (
            {"whenever": {"any": [ON, {"condition": {"type": "comparsion"}}]}, "then": ON},
            "/whenever/any/1/condition/type",
            NO_TYPE,
        ),
        ({"never": UPSIDE_DOWN}, "/never/condition/config/min", "min 5 is above max 3 (swap them?)"),
        ({"at_most": 0, "fires_of": "a", "per_seconds": 9}, "/at_most", "must be at least 1, not 0"),
        ({"at_most": 1, "per_seconds": 9}, "", NO_RULE),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_was_meant(promise: Any, pointer: str, said: str) -> None:
    assert f"/invariants/0{pointer}: {said}" in problems(promise)


def test_all_mistakes_are_told_at_once() -> None:
    wrong = {"whenever": {"fird": "x"}, "then": {"channel": 3, "is": 1}, "for_seconds": -1, "within": 2}

    assert [line.partition(":")[0] for line in problems(wrong)] == [
        "/invariants/0/within",
        "/invariants/0/for_seconds",
        "/invariants/0/whenever",
        "/invariants/0/then/channel",
    ]


def test_a_rule_that_is_not_there_is_told_with_the_one_that_was_meant() -> None:
    said = problems({"never": {"not": {"fired": "Fresh ear"}}}, rules={"Fresh air", "r1"})

    assert said == ["/invariants/0: there is no rule 'Fresh ear' (did you mean 'Fresh air'?)"]


def test_texts_are_notes_for_people() -> None:
    assert read_promises(["the pump rests at night"]) == ((), [])


def test_nesting_without_end_is_refused() -> None:
    deep: dict[str, Any] = ON
    for _ in range(30):
        deep = {"not": deep}

    assert "nested more than 20 deep" in problems({"never": deep})[0]


def test_within_a_rule_at_most_counts_its_own_firings() -> None:
    (promise,), found = read_promises([{"at_most": 1, "per_seconds": 9}], rule={"name": "Fresh air"})

    assert isinstance(promise, AtMost)
    assert (promise.rule, promise.document["fires_of"], found) == ("Fresh air", "Fresh air", [])


@pytest.mark.parametrize(("count", "told"), [(1, "at most 1 firing of Fan"), (2, "at most 2 firings of Fan")])
def test_one_firing_is_told_as_one(count: int, told: str) -> None:
    promise, _ = read_promise({"at_most": count, "fires_of": "Fan", "per_seconds": 60})

    assert str(promise) == f"{told} per 1m"


def test_one_promise_alone() -> None:
    promise, found = read_promise({"name": "dry", "never": ON}, "/expect/0/invariant")

    assert (str(promise), found) == ("dry", [])


@pytest.mark.parametrize(
    ("invariants", "pointers"),
    [
        (["a note", {"never": ON, "longer_than_seconds": 600}], []),
        ([{"never": ON, "longer_than_seconds": "600"}], ["/invariants/0/longer_than_seconds"]),
        ([7, {"allways": ON}], ["/invariants/0", "/invariants/1"]),
        ({"never": ON}, ["/invariants"]),
    ],
)
def test_a_wrong_promise_in_a_rule_is_refused_with_its_pointer(invariants: Any, pointers: list[str]) -> None:
    rule = {
        "name": "A",
        "trigger": {"type": "manual"},
        "actions": [{"type": "log", "config": {"message": "a"}}],
        "invariants": invariants,
    }
    found: list[str] = []
    try:
        RuleCompiler(REGISTRY).compile(rule)
    except InvalidRuleError as error:
        found = [problem.pointer for problem in error.problems]

    assert found == pointers

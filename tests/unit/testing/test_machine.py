"""The machine finds a broken promise and a restart that changes something, and tells how it went."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, settings

from whenthen import Binding, Check, Condition, Truth, hookimpl
from whenthen.extend.host import load_registry
from whenthen.proving.unsound import InvalidPromisesError
from whenthen.testing import PromiseBrokenError, RuleMachine

REGISTRY = load_registry()
# A failure is enough here: to make it small is Hypothesis' business, and takes long.
QUICK = settings(
    max_examples=30,
    stateful_step_count=12,
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    report_multiple_bugs=False,
)


def rule(**fields: Any) -> dict[str, Any]:
    return {
        "name": "Stuffy",
        "trigger": {"type": "sensor", "config": {"sensor": "co2"}},
        "conditions": [{"type": "comparison", "config": {"sensor": "co2", "operator": ">", "value": 1000}}],
        "actions": [{"type": "led", "config": {"color": "red"}}],
        **fields,
    }


def live(machine: type[RuleMachine]) -> None:
    case = machine.TestCase
    case.settings = QUICK
    case("runTest").runTest()


def test_promises_that_are_kept_pass() -> None:
    class Kept(RuleMachine):
        registry = REGISTRY
        rules = (rule(cooldown_seconds=60, invariants=[{"at_most": 1, "per_seconds": 60}]),)

    live(Kept)


def test_a_broken_promise_is_told_as_a_history() -> None:
    class Broken(RuleMachine):
        registry = REGISTRY
        rules = (rule(),)
        invariants = ({"never": {"channel": "led", "is": {"color": "red"}}, "longer_than_seconds": 60},)

    with pytest.raises(PromiseBrokenError) as caught:
        live(Broken)

    told = str(caught.value).splitlines()
    assert told[0] == 'broken: never: led is {"color": "red"} for longer than 1m'
    assert told[1].startswith("begins 2026-")
    assert any("'Stuffy' fires for device-1" in line for line in told)
    assert "for longer than 1m" in told[-1]


class Forgetful(Condition):
    """Holds from the fourth look on, and counts them in the wrong place: it is lost at a restart."""

    type = "forgetful"
    reads = ("co2",)

    def compile(self, bind: Binding) -> Check:
        before: list[int] = []  # bind.state would be kept

        def check(now_us: int) -> Truth:
            before.append(now_us)
            return len(before) > 3

        return check


class Plugin:
    @hookimpl
    def whenthen_conditions(self) -> list[type[Condition]]:
        return [Forgetful]


def test_a_restart_that_changes_something_is_told() -> None:
    class Lost(RuleMachine):
        registry = load_registry(extra=[("forgetful", Plugin())])
        rules = (rule(conditions=[{"type": "forgetful", "config": {}}]),)
        faults = ()

    with pytest.raises(PromiseBrokenError, match="after a restart the rules do"):
        live(Lost)


def test_a_wrong_promise_is_told_before_anything_runs() -> None:
    class Wrong(RuleMachine):
        registry = REGISTRY
        rules = (rule(),)
        invariants = ({"never": {"fired": "Stufy"}},)

    with pytest.raises(InvalidPromisesError, match="there is no rule 'Stufy'"):
        live(Wrong)

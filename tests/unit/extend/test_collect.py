"""What one plugin's hooks return, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pluggy
import pytest

from whenthen import Condition, Truth, View, hookimpl
from whenthen.extend import hookspecs
from whenthen.extend.collect import MAX_THINGS, collect
from whenthen.extend.registry import PluginRecord, Registry


class Warm(Condition):
    type = "warm"

    def evaluate(self, view: View) -> Truth:
        return True


class Nameless(Condition):
    def evaluate(self, view: View) -> Truth:
        return True


class Returns:
    """A plugin whose one hook returns what it is given, or raises it."""

    def __init__(self, result: Any) -> None:
        self.result = result

    @hookimpl
    def whenthen_conditions(self) -> Any:
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


def collected(plugin: Any, specs: ModuleType = hookspecs) -> tuple[Registry, PluginRecord]:
    registry, record = Registry(), PluginRecord("mine", "", "")
    collect(registry, record, plugin, specs)
    return registry, record


@pytest.mark.parametrize("make", [list, tuple, iter, set], ids=str)
def test_a_hook_may_return_anything_that_can_be_gone_through(make: Any) -> None:
    registry, record = collected(Returns(make([Warm])))

    assert (registry.conditions, record.registered) == ({"warm": Warm}, {"condition": ["warm"]})
    assert (registry.owner("condition", "warm"), record.problems, record.status) == ("mine", [], "loaded")


def test_a_hook_that_has_nothing_to_register_is_no_mistake() -> None:
    _, record = collected(Returns([]))

    assert (record.problems, record.status) == ([], "loaded")


def endless() -> Iterator[type[Condition]]:
    while True:
        yield Warm


def torn() -> Iterator[type[Condition]]:
    yield Warm
    raise OSError("gone")


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (ValueError("no"), "whenthen_conditions raised ValueError: no"),
        (SystemExit(3), "whenthen_conditions raised SystemExit: 3"),
        (torn(), "whenthen_conditions raised OSError: gone"),
        (None, "whenthen_conditions returned None; return a list"),
        (Warm, "whenthen_conditions returned class Warm; return a list"),
        (7, "whenthen_conditions returned 7; return a list"),
        ("warm", "whenthen_conditions returned 'warm'; return a list"),
        (endless(), f"whenthen_conditions returned more than {MAX_THINGS:,} things; none of them is taken"),
        ([Nameless], 'condition Nameless has no name; give it type = "…"'),
        ({"warm": Warm}, "'warm' is not a subclass of whenthen.Condition"),
    ],
)
def test_what_a_hook_must_not_do_is_told_and_costs_the_plugin_only_that(result: Any, said: str) -> None:
    registry, record = collected(Returns(result))

    assert (record.problems, record.status, registry.conditions) == ([said], "skipped", {})


def test_the_users_interrupt_passes_through_a_hook() -> None:
    with pytest.raises(KeyboardInterrupt):
        collected(Returns(KeyboardInterrupt()))


def test_what_is_sound_is_taken_beside_what_is_not() -> None:
    registry, record = collected(Returns([Nameless, Warm, Warm]))

    assert list(registry.conditions) == ["warm"]
    assert record.status == "loaded"
    assert record.problems == [
        'condition Nameless has no name; give it type = "…"',
        "condition 'warm' is already registered by mine, which keeps it",
    ]


class Trap(type):
    """Makes classes that cannot be looked at."""

    def __getattribute__(cls, name: str) -> Any:
        if name == "type":
            raise MemoryError("a trap")
        return super().__getattribute__(name)


def test_a_class_that_raises_when_it_is_looked_at_is_told() -> None:
    trapped = Trap("Trapped", (Warm,), {})
    _, record = collected(Returns([trapped]))

    assert record.problems == ["condition class Trapped cannot be looked at: MemoryError: a trap"]


def test_a_plugin_that_raises_when_it_is_looked_at_is_skipped() -> None:
    class Prickly:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

        @hookimpl
        def whenthen_conditions(self) -> Any:
            return [Warm]

    _, record = collected(Prickly())

    assert (record.status, record.problems) == ("skipped", ["cannot be registered: RuntimeError: whenthen_api"])


def test_a_plugin_that_raises_when_it_is_compared_is_skipped() -> None:
    class Incomparable:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("no")

        @hookimpl
        def whenthen_conditions(self) -> Any:
            return [Warm]

    _, record = collected(Incomparable())

    assert (record.status, record.registered) == ("skipped", {})
    assert record.problems[0].startswith("cannot be registered: ")


def module(**functions: Any) -> ModuleType:
    made = ModuleType("mine")
    vars(made).update(functions)
    return made


def conditions() -> list[type[Condition]]:
    return [Warm]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("whenthen_condtions", "there is no hook whenthen_condtions; did you mean whenthen_conditions?"),
        ("conditions", "there is no hook conditions; did you mean whenthen_conditions?"),
        ("whenthen_zzz", "there is no hook whenthen_zzz"),
        ("zzz", "there is no hook zzz"),
    ],
)
def test_a_marked_function_that_is_no_hook_is_told_with_the_nearest_one(name: str, said: str) -> None:
    def hook() -> list[type[Condition]]:
        return [Warm]

    _, record = collected(module(**{name: hookimpl(hook)}))

    assert (record.problems, record.status) == ([said], "skipped")


def test_a_hook_that_may_be_missing_is_no_mistake() -> None:
    hook = hookimpl(lambda: [Warm], optionalhook=True)
    _, record = collected(module(whenthen_of_tomorrow=hook, whenthen_conditions=hookimpl(lambda: [Warm])))

    assert record.problems == []


def test_a_function_that_lacks_its_mark_is_told() -> None:
    _, record = collected(module(whenthen_conditions=conditions))

    assert record.problems == ["whenthen_conditions is not marked with @whenthen.hookimpl, so it is not called"]


def test_a_misspelt_function_that_lacks_its_mark_is_told() -> None:
    _, record = collected(module(whenthen_condition=conditions))

    assert record.problems == ["there is no hook whenthen_condition; did you mean whenthen_conditions?"]


def test_a_function_of_the_plugins_own_is_left_alone() -> None:
    _, record = collected(module(whenthen_zzz=conditions, whenthen_conditions=hookimpl(lambda: [Warm])))

    assert record.problems == []


def test_a_plugin_without_any_hook_is_skipped() -> None:
    _, record = collected(module())

    assert record.status == "skipped"
    assert record.problems == ["registers nothing: no function in it is marked with @whenthen.hookimpl"]


def test_a_hook_that_asks_for_an_argument_that_there_is_not_is_told() -> None:
    def hook(registry: Any) -> list[Any]:
        return [registry]

    _, record = collected(module(whenthen_conditions=hookimpl(hook)))

    assert record.status == "skipped"
    assert "registry" in record.problems[0]


def test_a_wrapper_is_refused_because_a_plugin_never_meets_another() -> None:
    def hook() -> Iterator[None]:
        yield

    _, record = collected(module(whenthen_conditions=hookimpl(hook, wrapper=True)))

    assert record.problems == ["whenthen_conditions wraps other plugins' hooks, which is not possible; return a list"]


def test_a_hook_that_is_to_go_warns_whoever_lists_plugins() -> None:
    specs = ModuleType("specs")
    mark = pluggy.HookspecMarker("whenthen")
    gone = DeprecationWarning("whenthen_conditions goes in 0.9; use whenthen_things")
    specs.whenthen_conditions = mark(conditions, warn_on_impl=gone)  # type: ignore[attr-defined]
    _, record = collected(Returns([Warm]), specs)

    assert record.warnings == ["whenthen_conditions goes in 0.9; use whenthen_things"]
    assert (record.problems, record.status) == ([], "loaded")

"""Admission: for each mistake that an author can make with one thing, the sentence that tells what to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from whenthen import (
    Action,
    Advisor,
    Condition,
    Driver,
    Function,
    Observer,
    PluginError,
    RunRule,
    SensorTrigger,
    Trigger,
    Truth,
    View,
)
from whenthen.extend.admit import MAX_NAME_CHARACTERS, admit
from whenthen.extend.host import load_registry
from whenthen.extend.registry import KINDS


class Warm(Condition):
    type = "warm"
    reads = ("temperature",)

    def evaluate(self, view: View) -> Truth:
        return bool(view["temperature"] > 20)


class Ring(Action):
    type = "ring"

    def perform(self, call: Any, services: Any) -> Any:
        return None


class Often(Trigger):
    type = "often"

    def sensors(self) -> tuple[SensorTrigger, ...]:
        return (SensorTrigger("temperature"),)


class Pipe(Driver):
    type = "pipe"

    def send(self, command: Any, device: Any, services: Any) -> Any:
        return None


class Oracle(Advisor):
    type = "oracle"

    def advise(self, question: Any, services: Any) -> Any:
        return []


class Tally(Observer):
    type = "tally"

    def observe(self, thing: Any) -> None:
        pass


SOUND: dict[str, Any] = {
    "trigger": Often,
    "condition": Warm,
    "action": Ring,
    "driver": Pipe,
    "advisor": Oracle,
    "observer": Tally,
}


def varied(kind: str, **attributes: Any) -> Any:
    """Return a sound class of that kind with something else in it."""
    return type("Varied", (SOUND[kind],), attributes)


def refusal(kind: str, thing: Any) -> str:
    with pytest.raises(PluginError) as caught:
        admit(kind, thing)
    return str(caught.value)


@pytest.mark.parametrize("kind", SOUND)
def test_a_sound_class_is_admitted_under_its_type(kind: str) -> None:
    assert admit(kind, SOUND[kind]) == SOUND[kind].type


def test_all_that_is_built_in_is_admitted() -> None:
    registry = load_registry()
    things = [(kind, name, thing) for kind in KINDS for name, thing in registry.table(kind).items()]

    assert len(things) > 20
    assert [name for kind, name, thing in things if admit(kind, thing) != name] == []


@pytest.mark.parametrize("kind", SOUND)
def test_what_is_no_such_class_is_refused(kind: str) -> None:
    base = SOUND[kind].__mro__[1].__name__

    assert refusal(kind, 7) == f"7 is not a subclass of whenthen.{base}"
    assert refusal(kind, int) == f"class int is not a subclass of whenthen.{base}"


def test_an_instance_in_place_of_its_class_is_refused() -> None:
    assert refusal("condition", Warm({})) == "a condition is registered by its class; return Warm itself"


@pytest.mark.parametrize("kind", SOUND)
def test_a_thing_without_a_name_is_refused(kind: str) -> None:
    assert refusal(kind, varied(kind, type="")) == f'{kind} Varied has no name; give it type = "…"'


class Sly(str):
    """A text that could be another each time that it is looked at."""

    __slots__ = ()


@pytest.mark.parametrize(
    "name", ["Warm", "warm-er", "a.b.c", "9", "warm ", "wärme", "x" * (MAX_NAME_CHARACTERS + 1), 7, Sly("warm")]
)
def test_a_name_that_is_not_snake_case_is_refused(name: Any) -> None:
    assert "needs a name in snake_case" in refusal("condition", varied("condition", type=name))


def test_a_name_may_have_its_packages_as_a_prefix() -> None:
    assert admit("condition", varied("condition", type="greenhouse.warm")) == "greenhouse.warm"


@pytest.mark.parametrize(
    ("kind", "methods"),
    [
        ("trigger", "sensors, events or schedule"),
        ("condition", "evaluate or compile"),
        ("action", "perform or consequences"),
        ("driver", "send"),
        ("advisor", "advise"),
        ("observer", "observe"),
    ],
)
def test_a_class_that_can_do_nothing_is_refused(kind: str, methods: str) -> None:
    empty = type("Empty", (SOUND[kind].__mro__[1],), {"type": "empty"})

    assert refusal(kind, empty) == f"{kind} 'empty' lacks the method {methods}"


def test_an_action_that_only_has_consequences_needs_no_perform() -> None:
    class Next(Action):
        type = "next"

        def consequences(self, config: Mapping[str, Any]) -> tuple[RunRule, ...]:
            return (RunRule(config["rule"]),)

    assert admit("action", Next) == "next"


def test_a_condition_that_only_compiles_needs_no_evaluate() -> None:
    class Compiled(Condition):
        type = "compiled"

        def compile(self, bind: Any) -> Any:
            return lambda now_us: now_us > 0

    assert admit("condition", Compiled) == "compiled"


@pytest.mark.parametrize(
    ("kind", "method"), [("condition", "evaluate"), ("action", "perform"), ("condition", "describe")]
)
def test_an_async_method_is_refused(kind: str, method: str) -> None:
    async def later(*_: Any) -> Any:
        return True

    said = refusal(kind, varied(kind, **{method: later}))

    assert said.endswith(f"{method} is async, but is called directly; write def, not async def")


def test_a_method_that_is_none_is_refused() -> None:
    assert refusal("condition", varied("condition", sensors=("a",))).endswith("sensors is ('a',), but must be a method")


def nothing(self: Any) -> None:
    """Be made of nothing."""


def much(self: Any, one: Any, two: Any) -> None:
    """Be made of too much."""


@pytest.mark.parametrize(
    ("kind", "init", "given"),
    [
        ("condition", nothing, "a config and its inner conditions"),
        ("action", nothing, "a config"),
        ("driver", much, "a config"),
        ("observer", much, "no arguments"),
    ],
)
def test_a_class_that_cannot_be_made_as_it_will_be_is_refused(kind: str, init: Any, given: str) -> None:
    said = refusal(kind, varied(kind, __init__=init))

    assert said.endswith(f"is made with {given}, which its __init__ does not take")


CYCLE: dict[str, Any] = {}
CYCLE["properties"] = CYCLE


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (None, "is None; write a dict, a JSON Schema of 2020-12"),
        (True, "is True; write a dict"),
        ({"type": "strin"}, "has type 'strin'; a config is an \"object\""),
        ({"type": "string"}, "has type 'string'; a config is an \"object\""),
        ({"type": "object", "required": "a"}, "is not valid: "),
        ({"properties": {"a": {"type": "numbr"}}}, "is not valid: "),
        ({"properties": {"a": {"pattern": "("}}}, "is not valid: "),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "is not valid: "),
        ({"properties": {"a": {"default": {1, 2}}}}, "is not JSON: TypeError"),
        ({"properties": {"a": {"maximum": float("nan")}}}, "is not JSON: ValueError"),
        (CYCLE, "is not JSON: ValueError: Circular reference detected"),
        ({"allOf": [{"$ref": "http://127.0.0.1:9/x"}]}, "refers to 'http://127.0.0.1:9/x'; only references within"),
        ({"allOf": [{"$ref": "file:///etc/passwd"}]}, "refers to 'file:///etc/passwd'; only references within"),
    ],
)
def test_a_bad_schema_is_refused(schema: Any, said: str) -> None:
    for kind in ("trigger", "condition", "action", "driver", "advisor"):
        assert said in refusal(kind, varied(kind, schema=schema))


def test_a_schema_may_refer_to_its_own_parts() -> None:
    schema = {"type": "object", "$defs": {"limit": {"type": "number"}}, "properties": {"a": {"$ref": "#/$defs/limit"}}}

    assert admit("condition", varied("condition", schema=schema)) == "warm"


def test_a_text_where_names_belong_is_refused_since_its_letters_would_be_the_names() -> None:
    assert refusal("condition", varied("condition", reads="co2")) == (
        "condition 'warm': reads is a text; write reads = (\"co2\",)"
    )
    assert refusal("action", varied("action", services="http")).endswith(
        'services is a text; write services = ("http",)'
    )


def test_reads_may_be_a_property_since_it_may_depend_on_the_config() -> None:
    class Any_(Condition):  # noqa: N801 - any name will do
        type = "any"

        @property
        def reads(self) -> Sequence[str]:  # type: ignore[override]
            return (str(self.config["sensor"]),)

        def evaluate(self, view: View) -> Truth:
            return True

    assert admit("condition", Any_) == "any"


@pytest.mark.parametrize(
    ("kind", "attributes", "said"),
    [
        ("condition", {"reads": 7}, "reads is 7; write a tuple of names"),
        ("condition", {"reads": (1,)}, "reads is (1,); write a tuple of names"),
        ("condition", {"nested": 7}, "nested is 7; write the name of a config key"),
        ("action", {"delivery": "exactly_once"}, "delivery is 'exactly_once'; write idempotent or at_most_once"),
        ("action", {"services": ("htpp",)}, "asks for the service 'htpp', which there is not; did you mean http?"),
        ("action", {"services": ("zzz",)}, "which there is not; there are http, devices, rules, "),
    ],
)
def test_a_wrong_attribute_is_refused(kind: str, attributes: dict[str, Any], said: str) -> None:
    assert said in refusal(kind, varied(kind, **attributes))


async def soon(value: float) -> float:
    return value


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (abs, "<built-in function abs> is not a whenthen.Function"),
        (Function("", abs), 'a function has no name; give it name="…"'),
        (Function("Abs", abs), "needs a name in snake_case"),
        (Function("not", abs), "cannot have a word of the expression language as its name"),
        (Function("mine.abs", abs), "function 'mine.abs': expressions know no dot; name it mine_abs"),
        (Function("mine", 7), "function 'mine' cannot be called: 7"),  # type: ignore[arg-type]
        (Function("mine", soon), "function 'mine' is async"),
        (Function("mine", abs, condition=True, reads="co2"), 'write reads = ("co2",)'),  # type: ignore[arg-type]
    ],
)
def test_a_bad_function_is_refused(function: Any, said: str) -> None:
    assert said in refusal("function", function)


def test_a_sound_function_is_admitted_under_its_name() -> None:
    assert admit("function", Function("mine", abs)) == "mine"
    assert admit("function", Function("greenhouse.mine", abs, condition=True)) == "greenhouse.mine"

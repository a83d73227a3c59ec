"""Templates: what placeholders become, and what is said about those that cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from whenthen.dsl.template import Template
from whenthen.errors import TemplateError

KNOWN: dict[str, Any] = {"t": 21.25, "whole": 21.0, "n": 1234567, "on": True, "mode": "eco", "gone": None, "zero": -0.0}


def render(value: Any, **how: bool) -> Any:
    return Template.compile(value, **how).render(KNOWN.__getitem__)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{t} °C", "21.25 °C"),
        ("{whole} °C", "21 °C"),
        ("{zero}!", "0!"),
        ("{n} {on} {mode}", "1234567 true eco"),
        ("{t:.1f} {whole:.1f}", "21.2 21.0"),
        ("{t:d} {n:,d} {n:,.0f} {n:010d}", "21 1,234,567 1,234,567 0001234567"),
        ("{t:+.0f} {t:e} {t:%} {n:.2} {t:6.1f}", "+21 2.125000e+01 2125.000000% 1.2e+06   21.2"),
        ("{mode:.1f} {on:d} {gone:.1f}", "eco true unknown"),
        ("{gone}, {t}", "unknown, 21.25"),
        ("{{t}} {{{t}}}", "{t} {21.25}"),
        ('{{"a": {n}}}', '{"a": 1234567}'),
        ("{t:.1f}", "21.2"),
        ("{gone:.1f}", "unknown"),
    ],
)
def test_placeholders_in_a_text_become_text(text: str, expected: str) -> None:
    assert render(text) == expected


@pytest.mark.parametrize("name", KNOWN)
def test_a_text_that_is_one_placeholder_keeps_the_type(name: str) -> None:
    assert render(f"{{{name}}}") is KNOWN[name]


def test_a_missing_value_is_empty_where_blanks_are_wanted() -> None:
    assert render("{t},{gone},{gone:.1f}", blank=True) == "21.25,,"
    assert render("{gone}", blank=True) is None


def test_numbers_too_large_to_know_their_digits_keep_their_exponent() -> None:
    assert Template.compile("{x}!").render({"x": 1e300}.get) == "1e+300!"
    assert Template.compile("{x}!").render({"x": 2.0**53}.get) == "9007199254740992!"


def test_objects_and_lists_are_filled_in_below_and_keys_are_left_alone() -> None:
    value = {"a": [1, "{t}", {"{t}": "x{mode}"}], "b": None, "c": {"d": "fixed"}}
    template = Template.compile(value)
    rendered = template.render(KNOWN.__getitem__)

    assert rendered == {"a": [1, 21.25, {"{t}": "xeco"}], "b": None, "c": {"d": "fixed"}}
    assert rendered["c"] is value["c"]
    assert value["a"] == [1, "{t}", {"{t}": "x{mode}"}]
    assert template.names == {"t", "mode"}
    assert not template.static


@pytest.mark.parametrize("value", [{"a": ["x", 1, None, True]}, "text", 5, None, [], {}])
def test_what_holds_no_placeholder_is_static_and_comes_back_itself(value: Any) -> None:
    template = Template.compile(value)

    assert template.static
    assert template.names == frozenset()
    assert template.render(KNOWN.__getitem__) is value


def test_a_text_of_doubled_braces_asks_for_nothing() -> None:
    template = Template.compile("{{}}")

    assert template.names == frozenset()
    assert template.render(KNOWN.__getitem__) == "{}"


def test_blanks_can_be_wanted_for_some_keys_of_a_config() -> None:
    template = Template.compile_config({"format": "{t},{gone}", "message": "{t},{gone}", "level": "info"}, ("format",))

    assert template.render(KNOWN.__getitem__) == {
        "format": "21.25,",
        "message": "21.25,unknown",
        "level": "info",
    }


def test_names_may_be_dotted() -> None:
    assert Template.compile("{a.b_1}").names == {"a.b_1"}


@pytest.mark.parametrize("value", ["{nobody}", "a {nobody}", ["{t} {nobody:.1f}"], {"a": {"b": "{nobody}"}}])
def test_a_name_that_nobody_knows_fails_with_the_name(value: Any) -> None:
    with pytest.raises(TemplateError, match=r"^nobody knows \{nobody\}$"):
        render(value)


@pytest.mark.parametrize(
    "text",
    ["{", "}", "{}", "{t", "t}", '{"a": 1}', "{t!r}", "{t[0]}", "{1}", "{t t}", "{a..b}", "{a.}", "{é}", "{ t }"],
)
def test_a_brace_that_belongs_to_no_placeholder_is_refused_and_doubling_is_suggested(text: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Template.compile(text)

    assert "twice" in caught.value.hint


@pytest.mark.parametrize("form", ["x", ">10", "999d", ".999f", ".2d", "s", "n", "_", "+,", "1000000000"])
def test_a_format_that_cannot_be_used_is_refused(form: str) -> None:
    with pytest.raises(TemplateError, match="cannot read the format"):
        Template.compile(f"{{t:{form}}}")


def test_nesting_has_a_limit() -> None:
    value: Any = "{t}"
    for _ in range(5_000):
        value = [value]

    with pytest.raises(TemplateError, match="nested too deep"):
        Template.compile(value)

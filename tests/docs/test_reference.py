"""The plugin reference leaves nothing out: hooks, arguments, classes, methods, attributes, each with an example."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import whenthen
from whenthen.extend import hookspecs

PAGE = (Path(__file__).parents[2] / "docs" / "plugins" / "reference.md").read_text(encoding="utf-8")
BASES = ("Trigger", "Condition", "Action", "Driver", "Advisor", "Observer")
HOOKS = [name for name in vars(hookspecs) if name.startswith("whenthen_")]
CLASSES = [name for name in whenthen.__all__ if inspect.isclass(getattr(whenthen, name))]

_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXAMPLES = "\n".join(_EXAMPLE.findall(PAGE))


def section(name: str) -> str:
    """Return what stands below the heading that is *name*, up to the next heading."""
    parts = _HEADING.split(PAGE)
    return dict(zip(parts[1::2], parts[2::2], strict=True)).get(f"`{name}`", "")


def signature(name: str, function: Any) -> str:
    """Return for example ``evaluate(view)``: every argument that a caller gives."""
    arguments = [argument for argument in inspect.signature(function).parameters if argument not in ("self", "cls")]
    return f"{name}({', '.join(arguments)})"


def members(owner: type) -> Iterator[tuple[str, str]]:
    """Yield each public method and attribute of a class: its name, and how the page must write it."""
    own = {name: thing for name, thing in vars(owner).items() if not name.startswith("_")}
    for name, thing in own.items():
        function = getattr(thing, "__func__", thing)  # what a classmethod holds
        yield name, signature(name, function) if inspect.isfunction(function) else name
    yield from ((name, name) for name in inspect.get_annotations(owner) if name not in own and name[0] != "_")


def lacks(text: str, written: str) -> bool:
    return f"`{written}`" not in text


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_told_with_its_arguments_and_shown(hook: str) -> None:
    assert not lacks(PAGE, signature(hook, getattr(hookspecs, hook)))
    assert f"def {hook}(" in _EXAMPLES


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_says_since_when_it_exists(hook: str) -> None:
    assert re.search(r"Since \d+\.\d+\.$", str(inspect.getdoc(getattr(hookspecs, hook))))


@pytest.mark.parametrize("name", whenthen.__all__)
def test_every_public_name_has_a_section_and_is_shown(name: str) -> None:
    assert section(name).strip()
    assert re.search(rf"\b{name}\b", _EXAMPLES)


@pytest.mark.parametrize("name", CLASSES)
def test_every_method_with_its_arguments_and_every_attribute_is_told_in_its_classes_section(name: str) -> None:
    text = section(name)

    assert [written for _, written in members(getattr(whenthen, name)) if lacks(text, written)] == []


@pytest.mark.parametrize("name", BASES)
def test_every_method_and_attribute_of_a_base_class_is_shown(name: str) -> None:
    found = [member for member, _ in members(getattr(whenthen, name))]

    assert len(found) >= 3
    assert [member for member in found if not re.search(rf"\b{member}\b", _EXAMPLES)] == []


def test_what_is_not_documented_is_found() -> None:
    class Wider(whenthen.Condition):
        colour: str

        def paint(self, wall: str, *, coats: int = 1) -> None:
            """Be a method that the page does not tell."""

    assert list(members(Wider)) == [("paint", "paint(wall, coats)"), ("colour", "colour")]
    assert lacks(section("Condition"), "paint(wall, coats)")
    assert section("Wider") == ""

"""The public face: every name has an example that runs with nothing but public names, and none is missing from it."""

from __future__ import annotations

import ast
import doctest
import inspect
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import whenthen


def sources() -> dict[str, tuple[str, str]]:
    """Return for each public name the module that it comes from and its name there."""
    tree = ast.parse(Path(str(whenthen.__file__)).read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: (str(node.module), alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def docstring(name: str) -> str:
    """Return what is written below a public name, be it a class, a function or a plain value."""
    thing = inspect.unwrap(getattr(whenthen, name))
    if inspect.isclass(thing) or inspect.isfunction(thing):
        return inspect.getdoc(thing) or ""
    module, own = sources()[name]
    for statement, following in pairwise(ast.parse(inspect.getsource(sys.modules[module])).body):
        if own in _assigned(statement) and isinstance(following, ast.Expr):
            return inspect.cleandoc(str(ast.literal_eval(following.value)))
    return ""


def _assigned(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id
    if isinstance(statement, ast.Assign):
        yield from (target.id for target in statement.targets if isinstance(target, ast.Name))


def test_every_public_name_is_there_and_in_order() -> None:
    assert whenthen.__all__ == sorted(whenthen.__all__)
    assert set(whenthen.__all__) == sources().keys()


@pytest.mark.parametrize("name", whenthen.__all__)
def test_every_public_name_has_an_example_that_runs_with_public_names_alone(name: str) -> None:
    text = docstring(name)
    own = sources()[name][1]
    public = {public: getattr(whenthen, public) for public in whenthen.__all__} | {own: getattr(whenthen, name)}
    test = doctest.DocTestParser().get_doctest(text, public, name, None, 0)
    said: list[str] = []
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)

    assert text.partition(">>>")[0].strip(), f"{name} says nothing of itself"
    assert test.examples, f"{name} has no example"
    assert any(example.want for example in test.examples), f"the example of {name} shows nothing"
    assert own in {word for example in test.examples for word in _words(example.source)}, f"it does not use {name}"
    assert results.failed == 0, "".join(said)


def _words(source: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}

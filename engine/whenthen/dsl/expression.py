"""Expressions: simpleeval behind our syntax gate, parsed once and evaluated many times. The only file that knows it.

simpleeval 1.0.8 by itself refuses neither ``'a' * 10**9`` nor ``9**9**9`` in time; the gate in ``syntax`` does.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Mapping
from math import isfinite
from typing import Any

from simpleeval import SimpleEval

from whenthen.dsl.syntax import AsTruth, Gate
from whenthen.dsl.values import COMPARISONS, as_scalar
from whenthen.errors import ExpressionError
from whenthen.model.reading import Scalar

Evaluator = Callable[[Mapping[str, Scalar]], Scalar | None]
"""Takes names and their values; returns the result, ``None`` when it is unknown."""

_SCALARS = frozenset({float, int, bool, str})


class Expression:
    """A parsed expression: its source, the names that it reads, the functions that it calls, and an evaluator.

    >>> expression = Expression.parse("temperature > 25 and humidity > 70")
    >>> sorted(expression.names)
    ['humidity', 'temperature']
    >>> expression.evaluator({})({"temperature": 30, "humidity": 80})
    True
    """

    __slots__ = ("_bound", "_tree", "calls", "names", "source")

    def __init__(self, source: str, tree: ast.expr, names: frozenset[str], calls: frozenset[str]) -> None:
        self.source: str = source
        self.names: frozenset[str] = names
        self.calls: frozenset[str] = calls
        self._tree = tree
        self._bound: tuple[dict[str, Callable[..., Any]], Evaluator] | None = None

    @classmethod
    def parse(cls, source: str, functions: Collection[str] | None = None) -> Expression:
        """Return the expression; *functions* are those it may call (any when ``None``).

        Raises ``ExpressionError`` with a hint for everything that the gate refuses.

        >>> Expression.parse("temperature ** 2 > 400")
        Traceback (most recent call last):
        whenthen.errors.ExpressionError: there are no powers
        """
        if not isinstance(source, str):
            raise ExpressionError("an expression is a text", 'write for example "temperature > 25"')
        gate = Gate(functions)
        tree = gate.read(source)
        return cls(source, tree, frozenset(gate.names), frozenset(gate.calls))

    def evaluator(self, functions: Mapping[str, Callable[..., Any]]) -> Evaluator:
        """Return a function that evaluates the expression; a failure of any kind is unknown, never an exception.

        It is made once for the same functions, because simpleeval's own tables are large. Use it in one thread only.
        """
        called = {name: functions[name] for name in sorted(self.calls) if name in functions}
        if self._bound is None or self._bound[0] != called:
            self._bound = (called, self._evaluator(called))
        return self._bound[1]

    def _evaluator(self, called: Mapping[str, Callable[..., Any]]) -> Evaluator:
        if len(called) < len(self.calls):
            return _unknown
        evaluation = SimpleEval(operators=_OPERATORS, functions={name: _checked(call) for name, call in called.items()})
        source, tree, needed = self.source, self._tree, tuple(self.names)

        def evaluate(names: Mapping[str, Scalar]) -> Scalar | None:
            try:
                for name in needed:
                    # No short cut around a name without a value (ruling 25), and nothing but scalars goes in.
                    if names[name].__class__ not in _SCALARS:
                        return None
                evaluation.names = names
                result = evaluation.eval(source, tree)
            except Exception:  # noqa: BLE001 - functions are plugins and may raise anything; all of it is unknown
                return None
            return result if result is True or result is False else as_scalar(result)

        return evaluate


def tree_of(expression: Expression) -> ast.expr:
    """Return an expression's vetted syntax tree, not to be changed: for the analysis of rules."""
    return expression._tree  # noqa: SLF001 - the one other place that looks into it


def expression_of(tree: ast.expr) -> Expression:
    """Return the expression of a tree that is made of vetted ones.

    >>> expression_of(tree_of(Expression.parse("a > 1 and b"))).evaluator({})({"a": 2, "b": True})
    True
    """
    parts = list(ast.walk(tree))
    calls = frozenset(part.func.id for part in parts if isinstance(part, ast.Call) and isinstance(part.func, ast.Name))
    names = frozenset(part.id for part in parts if isinstance(part, ast.Name)) - calls
    return Expression("", tree, names, calls)


def _unknown(_names: Mapping[str, Scalar]) -> None:
    return None


def _checked(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, failing where it returns something that is no value."""

    def checked(*arguments: Scalar) -> Scalar:
        result = as_scalar(call(*arguments))
        if result is None:
            raise ValueError("a function returned no usable value")
        return result

    return checked


def _arithmetic(compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return the operation for two numbers; anything else fails, and so does a result that is not finite."""

    def operation(a: Any, b: Any) -> Any:
        kind, other = a.__class__, b.__class__
        if (kind is float or kind is int) and (other is float or other is int):
            result = compute(a, b)
            if isfinite(result):
                return result
        raise ArithmeticError("arithmetic takes and gives finite numbers")

    return operation


def _signed(compute: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def operation(a: Any) -> Any:
        if a.__class__ is float or a.__class__ is int:
            return compute(a)
        raise ArithmeticError("arithmetic takes numbers")

    return operation


def _truth(a: Any) -> bool:
    if a is True or a is False:
        return a
    raise TypeError("and, or, not and if take truths")


_OPERATORS = {
    ast.Add: _arithmetic(operator.add),
    ast.Sub: _arithmetic(operator.sub),
    ast.Mult: _arithmetic(operator.mul),
    ast.Div: _arithmetic(operator.truediv),
    ast.FloorDiv: _arithmetic(operator.floordiv),
    ast.Mod: _arithmetic(operator.mod),
    ast.UAdd: _signed(operator.pos),
    ast.USub: _signed(operator.neg),
    ast.Not: operator.not_,
    AsTruth: _truth,
    ast.Gt: COMPARISONS[">"],
    ast.GtE: COMPARISONS[">="],
    ast.Lt: COMPARISONS["<"],
    ast.LtE: COMPARISONS["<="],
    ast.Eq: COMPARISONS["=="],
    ast.NotEq: COMPARISONS["!="],
}

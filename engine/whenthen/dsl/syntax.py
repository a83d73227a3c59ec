"""The syntax gate of expressions: what may be written, checked node by node when a rule is saved.

What it lets through can neither read nor change anything but the scalars it is given, and its work is bounded by its
length.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from math import isfinite
from typing import Any, ClassVar, Literal

from whenthen.dsl.values import MAX_WHOLE_NUMBER, is_number
from whenthen.errors import ExpressionError

MAX_CHARACTERS = 1_000
MAX_NODES = 200
MAX_DEPTH = 40

Kind = Literal["number", "text", "truth"] | None
"""What a part of an expression certainly is; ``None`` when only its evaluation tells."""

_ALLOWED = "use names, numbers, texts, comparisons, and/or/not, + - * / // %, a if b else c, and functions"
_BOOLEANS = {"true": True, "false": False}
_EQUALITY = (ast.Eq, ast.NotEq)
_SIGNS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, *_EQUALITY)
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
_INSTEAD: dict[type[ast.AST], tuple[str, str]] = {
    ast.Pow: ("there are no powers", "multiply instead"),
    ast.BitAnd: ("there is no &", "write 'and'"),
    ast.BitOr: ("there is no |", "write 'or'"),
    ast.BitXor: ("there is no ^", "to have one of two but not both, compare them with !="),
    ast.LShift: ("there is no <<", "to compare, write <"),
    ast.RShift: ("there is no >>", "to compare, write >"),
    ast.Tuple: ("there are no lists", "compare each with a condition of its own, and join with and/or"),
    ast.List: ("there are no lists", "compare each with a condition of its own, and join with and/or"),
    ast.Invert: ("there is no ~", "write 'not'"),
    ast.In: ("there is no 'in'", "compare with == and join with 'or'"),
    ast.NotIn: ("there is no 'not in'", "compare with != and join with 'and'"),
    ast.Is: ("there is no 'is'", "write =="),
    ast.IsNot: ("there is no 'is not'", "write !="),
    ast.Attribute: ("there are no attributes", "a sensor is written by its name alone, as in accelerometer_x"),
    ast.Subscript: ("there are no subscripts", "a sensor is written by its name alone, as in accelerometer_x"),
    ast.JoinedStr: ("a text holds no expressions", "compare with a plain text"),
}
_SPELLINGS = (
    (re.compile(r"&&"), "write 'and'"),
    (re.compile(r"\|\|"), "write 'or'"),
    (re.compile(r"!(?!=)"), "write 'not'"),
    (re.compile(r"\b(AND|OR|NOT|And|Or|Not)\b"), "write and, or and not in small letters"),
    (re.compile(r"(?<![<>=!])=(?!=)"), "to compare, write =="),
)


class AsTruth(ast.unaryop):
    """Put before a part that must turn out to be a boolean, as both sides of ``and`` must."""


class Gate:
    """Takes one expression apart and puts together what is on the list, noting names and calls on the way.

    Call ``read`` once; *functions* are those that may be called, ``None`` for any.
    """

    def __init__(self, functions: Collection[str] | None = None) -> None:
        self.names: set[str] = set()
        self.calls: set[str] = set()
        self._functions = functions
        self._nodes = 0
        self._depth = 0

    def read(self, source: str) -> ast.expr:
        """Return the vetted tree, or raise ``ExpressionError``."""
        return self._part(_parsed(source))[0]

    def _part(self, node: ast.expr) -> tuple[ast.expr, Kind]:
        """Return a part, rebuilt, and its kind."""
        self._nodes += 1
        if self._nodes > MAX_NODES or self._depth >= MAX_DEPTH:
            raise ExpressionError(
                f"too much for one expression: at most {MAX_NODES} parts, nested {MAX_DEPTH} deep",
                "split it into the rule's variables",
            )
        rebuild = self._PARTS.get(type(node))
        if rebuild is None:
            raise _refused(node)
        self._depth += 1
        try:
            return rebuild(self, node)
        finally:
            self._depth -= 1

    def _name(self, node: ast.Name) -> tuple[ast.expr, Kind]:
        if node.id in _BOOLEANS:
            return ast.Constant(_BOOLEANS[node.id]), "truth"
        if node.id.startswith("_"):
            raise ExpressionError(f"a name does not begin with an underscore: {node.id!r}", _ALLOWED)
        self.names.add(node.id)
        return ast.Name(node.id, ast.Load()), None

    def _constant(self, node: ast.Constant) -> tuple[ast.expr, Kind]:
        value: Any = node.value
        if value is True or value is False:
            return ast.Constant(value), "truth"
        if value.__class__ is str:
            return ast.Constant(value), "text"
        if not is_number(value):
            raise ExpressionError(f"{value!r} is no value here", "a sensor without a value makes it unknown by itself")
        if isinstance(value, int) and value > MAX_WHOLE_NUMBER:
            raise ExpressionError("a whole number beyond 2^53 cannot be held exactly", "use a smaller number")
        if not isfinite(value):
            raise ExpressionError("a number must be finite", "use a smaller number")
        return ast.Constant(value), "number"

    def _compare(self, node: ast.Compare) -> tuple[ast.expr, Kind]:
        left, before = self._part(node.left)
        comparators = []
        for sign, part in zip(node.ops, node.comparators, strict=True):
            if not isinstance(sign, _SIGNS):
                raise _refused(sign)
            right, kind = self._part(part)
            _check_comparable(sign, before, kind)
            comparators.append(right)
            before = kind
        return ast.Compare(left, node.ops, comparators), "truth"

    def _joined(self, node: ast.BoolOp) -> tuple[ast.expr, Kind]:
        return ast.BoolOp(node.op, [self._truth(part) for part in node.values]), "truth"

    def _unary(self, node: ast.UnaryOp) -> tuple[ast.expr, Kind]:
        if isinstance(node.op, ast.Not):
            return ast.UnaryOp(node.op, self._truth(node.operand)), "truth"
        if not isinstance(node.op, ast.USub | ast.UAdd):
            raise _refused(node.op)
        operand = self._number(node.operand)
        if isinstance(operand, ast.Constant):
            value: Any = operand.value
            return ast.Constant(-value if isinstance(node.op, ast.USub) else value), "number"
        return ast.UnaryOp(node.op, operand), "number"

    def _binary(self, node: ast.BinOp) -> tuple[ast.expr, Kind]:
        if not isinstance(node.op, _ARITHMETIC):
            raise _refused(node.op)
        return ast.BinOp(self._number(node.left), node.op, self._number(node.right)), "number"

    def _choice(self, node: ast.IfExp) -> tuple[ast.expr, Kind]:
        test = self._truth(node.test)
        (body, kind), (orelse, other) = self._part(node.body), self._part(node.orelse)
        return ast.IfExp(test, body, orelse), kind if kind == other else None

    def _call(self, node: ast.Call) -> tuple[ast.expr, Kind]:
        if not isinstance(node.func, ast.Name):
            raise ExpressionError("only functions called by name are allowed", _ALLOWED)
        name = node.func.id
        if self._functions is not None and name not in self._functions:
            near = get_close_matches(name, self._functions, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(self._functions))}"
            raise ExpressionError(f"there is no function {name!r}", hint)
        if node.keywords:
            raise ExpressionError(f"{name} takes its arguments without names", "leave the names out")
        self.calls.add(name)
        arguments = [self._part(argument)[0] for argument in node.args]
        return ast.Call(ast.Name(name, ast.Load()), arguments, []), None

    def _truth(self, node: ast.expr) -> ast.expr:
        part, kind = self._part(node)
        if kind == "truth":
            return part
        if kind is not None:
            raise ExpressionError(f"and, or, not and if take truths, not a {kind}", "compare it, as in mode == 'a'")
        return ast.UnaryOp(AsTruth(), part)

    def _number(self, node: ast.expr) -> ast.expr:
        part, kind = self._part(node)
        if kind not in (None, "number"):
            raise ExpressionError(f"arithmetic takes numbers, not a {kind}", _ALLOWED)
        return part

    _PARTS: ClassVar[Mapping[type[ast.expr], Callable[[Gate, Any], tuple[ast.expr, Kind]]]] = {
        ast.Name: _name,
        ast.Constant: _constant,
        ast.Compare: _compare,
        ast.BoolOp: _joined,
        ast.UnaryOp: _unary,
        ast.BinOp: _binary,
        ast.IfExp: _choice,
        ast.Call: _call,
    }


def _check_comparable(sign: ast.cmpop, left: Kind, right: Kind) -> None:
    """Refuse a comparison that could never be known."""
    if left is not None and right is not None and left != right:
        raise ExpressionError(f"a {left} and a {right} do not compare", "compare values of one kind")
    for kind in (left, right):
        if kind in ("text", "truth") and not isinstance(sign, _EQUALITY):
            raise ExpressionError(f"a {kind} has no order", "use == or !=")


def _refused(node: ast.AST) -> ExpressionError:
    message, hint = _INSTEAD.get(type(node), (f"{type(node).__name__} is not allowed", _ALLOWED))
    return ExpressionError(message, hint)


def _parsed(source: str) -> ast.expr:
    """Return the tree as Python reads it, which may still hold anything."""
    if len(source) > MAX_CHARACTERS:
        raise ExpressionError(f"{len(source)} characters; at most {MAX_CHARACTERS} are allowed", "use variables")
    if not source.isascii() or not source.isprintable() or "\\" in source:
        raise ExpressionError("only one line of ASCII without backslashes is allowed", "leave other characters out")
    if not source.strip():
        raise ExpressionError("the expression is empty", _ALLOWED)
    try:
        return ast.parse(source.strip(), mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"cannot be read: {error.msg}", _spelling(source)) from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError("cannot be read: it is nested too deep", "split it into the rule's variables") from None


def _spelling(source: str) -> str:
    """Return what was probably meant by someone who thinks of another language."""
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", source)
    return next((hint for pattern, hint in _SPELLINGS if pattern.search(bare)), _ALLOWED)

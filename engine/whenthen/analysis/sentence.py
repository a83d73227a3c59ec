"""Expressions as ways: comparisons with constants become intervals, arithmetic is left to the solver."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from copy import deepcopy

from whenthen.analysis.case import Case, Term, either, together
from whenthen.analysis.region import Domain, Key
from whenthen.dsl.expression import Expression, expression_of, tree_of
from whenthen.dsl.syntax import AsTruth
from whenthen.dsl.values import is_number

_MOST_NODES = 1_000

_SIGNS: Mapping[type[ast.cmpop], str] = {
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}
_TURNED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}


class Sentence:
    """Reads the trees of one rule's expressions; *keys* tells which sensor a name is, if not the subject's own."""

    def __init__(self, variables: Mapping[str, Expression], keys: Mapping[str, Key]) -> None:
        self._variables = variables
        self._keys = keys

    def ways(self, tree: ast.expr, truth: bool) -> tuple[Case, ...]:
        """Return the ways in which an expression comes out as *truth*."""
        written_out = _Unfold(self._variables).visit(deepcopy(tree)) if self._variables else tree
        if sum(1 for _ in ast.walk(written_out)) > _MOST_NODES:
            return (Case(unsure=frozenset({"an expression that is too long"})),)
        return self._read(written_out, truth)

    def _read(self, tree: ast.expr, truth: bool) -> tuple[Case, ...]:  # noqa: PLR0911 - one return a kind of part
        match tree:
            case ast.Constant(value=bool() as value):
                return (Case(),) if value is truth else ()
            case ast.Name(id=name):
                return (Case({self._key(name): Domain.equals(truth)}),)
            case ast.UnaryOp(op=AsTruth(), operand=inner):
                return self._read(inner, truth)
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return self._read(inner, not truth)
            case ast.BoolOp(op=op, values=values):
                parts = [self._read(value, truth) for value in values]
                return together(parts) if isinstance(op, ast.And) is truth else either(parts)
            case ast.Compare():
                return self._comparison(tree, truth)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                first = together([self._read(test, True), self._read(body, truth)])
                return either([first, together([self._read(test, False), self._read(orelse, truth)])])
        return (self._term(tree, truth),)

    def _comparison(self, tree: ast.Compare, truth: bool) -> tuple[Case, ...]:
        sides = [tree.left, *tree.comparators]
        parts = [self._pair(*pair, truth) for pair in zip(sides, tree.ops, sides[1:], strict=False)]
        return together(parts) if truth else either(parts)

    def _pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr, truth: bool) -> tuple[Case, ...]:
        sign = _SIGNS[type(op)]
        match left, right:
            case ast.Name(id=name), ast.Constant(value=value):
                return self._against(name, sign, value, truth)
            case ast.Constant(value=value), ast.Name(id=name):
                return self._against(name, _TURNED[sign], value, truth)
        return (self._term(ast.Compare(left, [op], [right]), truth),)

    def _against(self, name: str, sign: str, value: object, truth: bool) -> tuple[Case, ...]:
        if is_number(value):
            assert isinstance(value, int | float)  # noqa: S101 - for the type checker
            return (Case({self._key(name): Domain.numbers(sign if truth else _OPPOSITE[sign], value)}),)
        assert isinstance(value, str | bool)  # noqa: S101 - for the type checker: the gate lets nothing else through
        return (Case({self._key(name): Domain.equals(value, wanted=(sign == "==") is truth)}),)

    def _term(self, tree: ast.expr, truth: bool) -> Case:
        expression = expression_of(tree)
        names = tuple((name, self._key(name)) for name in sorted(expression.names))
        return Case(terms=(Term(expression, names, truth),))

    def _key(self, name: str) -> Key:
        return self._keys.get(name, (None, name, None))


class _Unfold(ast.NodeTransformer):
    """Puts what variables stand for in their place; a variable may use only earlier ones, so this ends."""

    def __init__(self, variables: Mapping[str, Expression]) -> None:
        self._variables = variables

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Return what a name stands for."""
        found = self._variables.get(node.id)
        if found is None:
            return node
        others = {name: value for name, value in self._variables.items() if name != node.id}
        unfolded: ast.expr = _Unfold(others).visit(deepcopy(tree_of(found)))
        return unfolded

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Leave the function's own name alone."""
        node.args = [self.visit(argument) for argument in node.args]
        return node

"""Values for a way that asks for arithmetic: a few tried, then z3 where it is installed (extra ``analysis``)."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice, product
from math import isfinite, isinf, prod
from random import Random
from types import ModuleType
from typing import Any

from whenthen.analysis.case import Case, Term
from whenthen.analysis.region import NUMBERS, Domain, Key
from whenthen.dsl.expression import tree_of
from whenthen.model.reading import Scalar

Functions = Mapping[str, Callable[..., Any]]
Point = dict[Key, Scalar]

_MOST_TRIED = 1_000
_TIMEOUT_MS = 500
_ROUND = (0.0, 1.0, -1.0, 10.0, 100.0)
"""Values that are tried in any case: sensors compared with one another name no number."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a way can be gone: ``True`` with a *point*, ``False`` (proved), ``None`` when nobody can tell."""

    truth: bool | None
    point: Point = field(default_factory=dict)


@cache
def z3_module() -> ModuleType | None:
    """Return z3, ``None`` without the extra ``analysis``."""
    try:
        import z3  # noqa: PLC0415 - an extra that may be absent
    except ImportError:
        return None
    found: ModuleType = z3
    return found


def solve(case: Case, functions: Functions, *, use_z3: bool = True) -> Answer:
    """Return values for every sensor of a way, or whether there are none."""
    if not case.possible:
        return Answer(False)
    if not case.terms:
        return Answer(True, {key: domain.sample() for key, domain in case.box.items()})
    keys = {key: case.box.get(key, NUMBERS) for term in case.terms for _, key in term.names}
    fixed = {key: domain.sample() for key, domain in case.box.items() if key not in keys}
    tried = _tried(case.terms, keys, functions)
    if tried is not None:
        return Answer(True, {**fixed, **tried})
    z3 = z3_module() if use_z3 else None
    found = Answer(None) if z3 is None else _by_z3(z3, case.terms, keys, functions)
    return Answer(found.truth, {**fixed, **found.point}) if found.truth else found


def _tried(terms: tuple[Term, ...], keys: Mapping[Key, Domain], functions: Functions) -> Point | None:
    constants = sorted({number for term in terms for number in _constants(tree_of(term.expression))})
    constants = constants[:4]
    if len(keys) == 1:
        constants = [*constants, *_come_to(constants)]
    choices = [list(dict.fromkeys(_candidates(domain, constants))) for domain in keys.values()]
    evaluators = [(term, term.expression.evaluator(functions)) for term in terms]
    for values in _choose(choices):
        point = dict(zip(keys, values, strict=True))
        if all(evaluate({name: point[key] for name, key in term.names}) is term.truth for term, evaluate in evaluators):
            return point
    return None


def _choose(choices: list[list[Scalar]]) -> Iterator[tuple[Scalar, ...]]:
    """Yield combinations: all of them where they are few, else some from everywhere, always the same."""
    if prod(map(len, choices)) <= _MOST_TRIED:
        yield from product(*choices)
        return
    chance = Random(0)  # noqa: S311 - chance that repeats, no secret
    for _ in range(_MOST_TRIED):
        yield tuple(map(chance.choice, choices))


def _candidates(domain: Domain, constants: list[float]) -> Iterator[Scalar]:
    yield from islice(domain.samples(), 4)
    for number in constants:
        for near in (number, number + 1, number - 1):
            if domain.holds(near):
                yield near
    yield from (number for number in _ROUND if domain.holds(number))


def _come_to(constants: list[float]) -> Iterator[float]:
    """Yield what two constants come to: ``round(n / 3) == 77`` asks for 231."""
    for one, other in product(constants, repeat=2):
        yield from (one * other, one + other, one - other)


def _constants(tree: ast.expr) -> Iterator[float]:
    for part in ast.walk(tree):
        if isinstance(part, ast.Constant) and isinstance(part.value, int | float) and not isinstance(part.value, bool):
            yield float(part.value)


class _NoArithmeticError(Exception):
    """A part of an expression that reals do not tell."""


def _by_z3(z3: Any, terms: tuple[Term, ...], keys: Mapping[Key, Domain], functions: Functions) -> Answer:
    reals = {key: z3.Real(f"v{number}") for number, key in enumerate(keys)}
    solver = z3.Solver()
    solver.set("timeout", _TIMEOUT_MS)
    try:
        for key, domain in keys.items():
            solver.add(_in_domain(z3, reals[key], domain))
        for term in terms:
            names = {name: reals[key] for name, key in term.names}
            made = _truth(z3, tree_of(term.expression), names, solver.add)
            solver.add(made if term.truth else z3.Not(made))
    except _NoArithmeticError:
        return Answer(None)
    verdict = solver.check()
    if verdict == z3.unsat:
        return Answer(False)
    if verdict != z3.sat:
        return Answer(None)
    model = solver.model()
    point = {key: _double(z3, model.eval(real, model_completion=True)) for key, real in reals.items()}
    known = all(
        term.expression.evaluator(functions)({name: point[key] for name, key in term.names}) is term.truth
        for term in terms
    )
    return Answer(True, dict(point)) if known else Answer(None)  # reals are not doubles: seen, or not said


def _in_domain(z3: Any, real: Any, domain: Domain) -> Any:
    spans = []
    for span in domain.spans:
        ends = [real >= z3.RealVal(repr(span.low))] if isfinite(span.low) else []
        ends += [real <= z3.RealVal(repr(span.high))] if not isinf(span.high) else []
        spans.append(z3.And(*ends) if ends else z3.BoolVal(True))
    return z3.Or(*spans) if spans else z3.BoolVal(False)


def _double(z3: Any, value: Any) -> float:
    number = value if z3.is_rational_value(value) else value.approx(12)
    return float(number.as_fraction())


def _truth(z3: Any, tree: ast.expr, names: Mapping[str, Any], also: Callable[[Any], None]) -> Any:
    match tree:
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            first, second = _number(z3, left, names, also), _number(z3, right, names, also)
            return _COMPARED[type(op)](first, second)
    raise _NoArithmeticError


def _number(  # noqa: C901, PLR0911 - one return a kind of part
    z3: Any, tree: ast.expr, names: Mapping[str, Any], also: Callable[[Any], None]
) -> Any:
    def of(part: ast.expr) -> Any:
        return _number(z3, part, names, also)

    match tree:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return z3.RealVal(repr(float(value)))
        case ast.Name(id=name):
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -of(inner)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return of(inner)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return of(left) + of(right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return of(left) - of(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return of(left) * of(right)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            divisor = of(right)
            also(divisor != 0)  # a division by nothing is unknown, so it is no way
            return of(left) / divisor
        case ast.Call(func=ast.Name(id=name), args=args) if name in _FUNCTIONS:
            return _FUNCTIONS[name](z3, [of(argument) for argument in args])
    raise _NoArithmeticError


def _joined(z3: Any, parts: list[Any], *, greatest: bool) -> Any:
    best = parts[0]
    for part in parts[1:]:
        best = z3.If(part > best if greatest else part < best, part, best)
    return best


_COMPARED: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}
_FUNCTIONS: Mapping[str, Callable[[Any, list[Any]], Any]] = {
    "abs": lambda z3, parts: z3.If(parts[0] >= 0, parts[0], -parts[0]),
    "min": lambda z3, parts: _joined(z3, parts, greatest=False),
    "max": lambda z3, parts: _joined(z3, parts, greatest=True),
    "avg": lambda _z3, parts: sum(parts[1:], parts[0]) / len(parts),
}

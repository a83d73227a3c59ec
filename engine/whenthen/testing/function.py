"""The contract of functions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC
from math import isfinite
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from whenthen.errors import WhenthenError
from whenthen.extend.condition import MissingReadingError, Truth, View
from whenthen.extend.hookspecs import Function
from whenthen.model.reading import Reading, Scalar
from whenthen.testing.contract import Contract, as_json, millis, repeated, require
from whenthen.testing.play import Document, condition_rules
from whenthen.testing.readings import HOSTILE
from whenthen.testing.readings import readings as readings_of

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")
_SAMPLES = [*(value for value in HOSTILE if value is not None), 0, 1, 2, 5, -1, 0.5, 20.5, 1_000]
_MOST = 4


@dataclass(frozen=True, slots=True)
class ConditionCall:
    """Parameters for a function of conditions, and readings before each call."""

    params: dict[str, Any]
    history: tuple[Reading, ...]


class FunctionContract(Contract):
    """What a registered function must keep; ``function`` names it.

    A function of expressions takes scalars (numbers, texts, true, false) and returns one. A function of conditions is
    called with a view and its parameters. Functions of actions are called by the program that embeds the engine: here
    only their name is checked.

    >>> from whenthen import Function
    >>> def fahrenheit(celsius):
    ...     return celsius * 9 / 5 + 32
    >>> class TestFahrenheit(FunctionContract):
    ...     function = Function("fahrenheit", fahrenheit)
    >>> TestFahrenheit().test_it_is_pure()
    """

    kind = "function"
    function: ClassVar[Function]
    raises = (ValueError, TypeError, ArithmeticError, WhenthenError)
    arguments: ClassVar[SearchStrategy[tuple[Scalar, ...]] | Sequence[tuple[Scalar, ...]] | None] = None
    """Arguments to call it with, as a strategy or a list of tuples; scalars of all kinds when not given."""
    params: ClassVar[Sequence[Mapping[str, Any]]] = ({},)
    """For a function of conditions: the parameters to call it with."""

    @classmethod
    def calls(cls) -> SearchStrategy[tuple[Scalar, ...]]:
        """Return arguments, as many as the function takes."""
        if isinstance(cls.arguments, SearchStrategy):
            return cls.arguments
        if cls.arguments is not None:
            return st.sampled_from([tuple(values) for values in cls.arguments])
        numbers = st.one_of(st.floats(-1e6, 1e6), st.integers(-1_000, 1_000), st.floats(allow_nan=False))
        scalar = st.one_of(numbers, numbers, st.sampled_from(_SAMPLES))
        fewest, most = _arity(cls.subject())
        return st.lists(scalar, min_size=fewest, max_size=most).map(tuple)

    @classmethod
    def condition_calls(cls) -> SearchStrategy[ConditionCall]:
        """Return parameters and readings of what the function reads."""
        params = st.sampled_from([dict(given) for given in cls.params]).map(deepcopy)
        history = readings_of(cls.subject().reads or ("tick",), near=list(cls.params))
        return st.builds(ConditionCall, params, history.map(tuple))

    @classmethod
    def not_offered(cls) -> Collection[str]:
        """Leave out what does not concern a function of this kind."""
        function: Function = cls.subject()
        scalar = ("test_it_is_pure", "test_it_returns_a_scalar_or_raises_what_it_declares", "test_it_is_quick")
        truth = ("test_its_truth_is_true_false_or_none", "test_its_memory_is_in_the_state")
        if function.action:
            return (*scalar, *truth)
        return scalar if function.condition else truth

    @classmethod
    def _shown(cls, case: Any) -> tuple[list[Document], Sequence[Reading]]:
        name = cls.subject().name
        if isinstance(case, ConditionCall):
            return condition_rules("custom", {"function": name, "params": case.params}, ()), case.history
        called = f"{name}({', '.join(map(repr, case))})"
        return condition_rules("expression", {"expression": f"{called} == {called}"}, ()), ()

    def test_it_is_registered_soundly(self) -> None:
        """It is a ``Function`` with a callable and a name that a rule can use."""
        function = self.subject()
        require(isinstance(function, Function), f"{function!r} is not a whenthen.Function")
        require(isinstance(function.name, str) and _NAME.fullmatch(function.name), f"{function.name!r}: use snake_case")
        require(callable(function.call), f"{function.call!r} cannot be called")
        require(not (function.condition and function.action), "it is for conditions or for actions, not for both")
        require(isinstance(function.reads, tuple), f"reads is {function.reads!r}; it is a tuple of sensor names")

    @repeated("calls")
    def test_it_returns_a_scalar_or_raises_what_it_declares(self, case: tuple[Scalar, ...]) -> None:
        """Scalars in, one scalar (or ``None``) out; anything unfit raises one of ``raises``."""
        value = self._called(case)
        scalar = value is None or type(value) in (bool, int, float, str)
        said = f"{self.subject().name}{case!r} returned {value!r}"
        require(scalar, f"{said} ({type(value).__name__}); it returns a number, text, True, False or None")

    @repeated("calls")
    def test_it_is_pure(self, case: tuple[Scalar, ...]) -> None:
        """Same arguments, same value."""
        first, again = self._called(case), self._called(case)
        name = self.subject().name
        same = type(first) is type(again) and (first == again or first != first)  # noqa: PLR0124 - not-a-number
        require(same, f"{name}{case!r} returned {first!r}, then {again!r}: an expression is the same each time")

    @repeated("calls")
    def test_it_is_quick(self, case: tuple[Scalar, ...]) -> None:
        """The median of a few calls stays under ``time_limit_ms``."""
        self._require_quick(f"{self.subject().name}{case!r}", [millis(lambda: self._called(case)) for _ in range(3)])

    @repeated("condition_calls")
    def test_its_truth_is_true_false_or_none(self, case: ConditionCall) -> None:
        """Nothing else is an answer; its parameters stay as they are."""
        state: dict[str, Any] = {}
        for values, now_us in _values(case.history):
            params = deepcopy(case.params)
            truth = self._asked(values, now_us, state, params)
            said = f"for {values} it returned {truth!r}"
            require(truth is True or truth is False or truth is None, f"{said}; it returns True, False or None")
            require(params == case.params, f"it changed its parameters: {case.params} became {params}")

    @repeated("condition_calls")
    def test_its_memory_is_in_the_state(self, case: ConditionCall) -> None:
        """Same values, memory and time give the same truth; the memory survives JSON."""
        state: dict[str, Any] = {}
        for values, now_us in _values(case.history):
            other = deepcopy(state)
            truth = self._asked(values, now_us, state, case.params)
            again = self._asked(values, now_us, other, case.params)
            require(truth is again, f"for {values} it is {truth}, then {again} with the same memory")
            as_json(state, "the memory (view.state)")

    def _called(self, arguments: tuple[Scalar, ...]) -> Any:
        """Call the function; ``None`` for an error that it may raise."""
        try:
            return self.subject().call(*arguments)
        except self.raises:
            return None
        except Exception as error:
            raise AssertionError(self._unexpected(f"{self.subject().name}{arguments!r}", error)) from error

    def _asked(self, values: Mapping[str, Any], now_us: int, state: dict[str, Any], params: Mapping[str, Any]) -> Truth:
        view = View({name: _constant(value) for name, value in values.items()}, state, UTC, {})
        view.now_us = now_us
        try:
            truth: Truth = self.subject().call(view, params)
        except (MissingReadingError, *self.raises):
            return None
        except Exception as error:
            raise AssertionError(self._unexpected(f"for {dict(values)} it", error)) from error
        return truth

    def _unexpected(self, what: str, error: Exception) -> str:
        names = ", ".join(kind.__name__ for kind in self.raises)
        return f"{what} raises {type(error).__name__}: {error}; it may raise {names} (raises)"


def _constant(value: Any) -> Any:
    return lambda _now_us: value


def _values(history: Sequence[Reading]) -> list[tuple[dict[str, Any], int]]:
    """Return what each sensor says after each reading, with its instant; refused values left out."""
    values: dict[str, Any] = {}
    found = []
    for reading in history:
        values |= {name: value for name, value in reading.values.items() if not _is_refused(value)}
        found.append((dict(values), reading.received_us))
    return found


def _is_refused(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, float) and not isfinite(value))


def _arity(function: Function) -> tuple[int, int]:
    """Return how many arguments a function takes, at least and at most; four stand for any number."""
    try:
        parameters = inspect.signature(function.call).parameters.values()
    except (TypeError, ValueError):
        return 0, _MOST
    named = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    fewest = sum(one.default is one.empty for one in named)
    return fewest, max(len(named), _MOST) if any(one.kind is one.VAR_POSITIONAL for one in parameters) else len(named)

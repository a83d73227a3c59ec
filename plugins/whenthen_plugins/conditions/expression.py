"""``expression``: a sentence of names, numbers and comparisons that evaluates to true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from whenthen import Binding, Check, Condition, Expression, ExpressionError, Problem, SensorRef, Truth, load_schema


class ExpressionCondition(Condition):
    """True when the expression is; unknown if a name is, if it fails, or if the result is no boolean (ruling 25)."""

    type = "expression"
    schema = load_schema("condition.expression")
    needs_functions = True
    examples = ({"expression": "temperature > 25 and humidity > 70"},)

    def __init__(self, config: Mapping[str, Any], children: Sequence[Condition] = ()) -> None:
        super().__init__(config, children)
        self._parsed: Expression | None = None

    def parsed(self) -> Expression:
        """Return the parsed expression; raises ``ExpressionError`` when the gate refuses it."""
        if self._parsed is None:
            self._parsed = Expression.parse(self.config["expression"])
        return self._parsed

    def sensors(self) -> tuple[SensorRef, ...]:
        """Return every name in the expression."""
        return tuple(SensorRef(name) for name in sorted(self.parsed().names))

    def functions(self) -> Sequence[str]:
        """Return the functions that the expression calls."""
        return sorted(self.parsed().calls)

    def compile(self, bind: Binding) -> Check:
        """Return the check."""
        evaluate = self.parsed().evaluator(bind.functions)
        readers = [(ref.sensor, bind.reader(ref)) for ref in self.sensors()]

        def check(now_us: int) -> Truth:
            names = {}
            for name, read in readers:
                value = read(now_us)
                if value is None:
                    return None
                names[name] = value
            result = evaluate(names)
            return result if result is True or result is False else None

        return check

    def problems(self) -> Iterable[Problem]:
        """Say what the syntax gate refuses."""
        try:
            self.parsed()
        except ExpressionError as error:
            yield Problem(error.code, "/expression", str(error), error.hint)

    def describe(self) -> str:
        """Return the expression."""
        return str(self.config["expression"])

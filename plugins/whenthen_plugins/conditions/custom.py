"""``custom``: a function that a plugin registered returns true."""

from __future__ import annotations

from collections.abc import Sequence

from whenthen import Condition, Truth, View, load_schema


class Custom(Condition):
    """True when the function returns true for what it reads and the given ``params``."""

    type = "custom"
    schema = load_schema("condition.custom")
    examples = ({"function": "detect_fall_pattern", "params": {"threshold_g": 2.5}},)

    def functions(self) -> Sequence[str]:
        """Return the one function."""
        return (self.config["function"],)

    def evaluate(self, view: View) -> Truth:
        """Ask the function; one that nobody registered makes the condition unknown (ruling 27)."""
        call = view.functions.get(self.config["function"])
        answer: Truth = None if call is None else call(view, self.config.get("params", {}))
        return answer

    def describe(self) -> str:
        """Return the function and its parameters."""
        return f"{self.config['function']}({self.config.get('params', {})})"

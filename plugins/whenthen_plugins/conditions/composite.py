"""``composite``: AND, OR, NOT of other conditions, as Kleene's tables say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from whenthen import (
    Binding,
    Bounds,
    Check,
    Condition,
    Formula,
    Junction,
    Problem,
    SensorRef,
    Truth,
    load_schema,
    merged_bounds,
)


class Composite(Condition):
    """True as ``operator`` says of the inner conditions; every one is looked at, without short cuts (ruling 5)."""

    type = "composite"
    schema = load_schema("condition.composite")
    nested = "conditions"
    examples = ({"operator": "NOT", "conditions": [{"type": "range", "config": {"sensor": "co2", "max": 800}}]},)

    def lowered(self) -> Formula | None:
        """Return the inner conditions' formulas joined, if all of them have one."""
        parts = tuple(child.lowered() for child in self.children)
        known = tuple(part for part in parts if part is not None)
        return Junction(self.config["operator"], known) if len(known) == len(parts) else None

    def cuts(self) -> Mapping[SensorRef, tuple[float, ...]] | None:
        """Return all the cuts of the inner conditions."""
        return merged_cuts(self.children)

    def bounds(self) -> Bounds | None:
        """Return what AND takes from every inner condition, what OR leaves of those that all have bounds."""
        if self.config["operator"] == "NOT":
            return super().bounds()
        inner = [child.bounds() or {} for child in self.children]
        return merged_bounds(inner, every=self.config["operator"] == "AND") or None

    def compile(self, bind: Binding) -> Check:
        """Return the check."""
        checks = tuple(bind.children)
        if self.config["operator"] == "NOT":
            return _negated(checks[0])
        return _joined(checks, decisive=self.config["operator"] == "OR")

    def problems(self) -> Iterable[Problem]:
        """NOT takes exactly one."""
        if self.config.get("operator") == "NOT" and len(self.children) != 1:
            found = len(self.children)
            yield Problem(
                "bad_value", "/conditions", f"NOT takes exactly one condition, not {found}", "wrap them in AND"
            )

    def describe(self) -> str:
        """Return for example ``(a > 1 AND b < 2)``."""
        inner = [child.describe() for child in self.children]
        if self.config["operator"] == "NOT":
            return f"NOT {inner[0]}"
        return "(" + f" {self.config['operator']} ".join(inner) + ")"


def merged_cuts(children: Sequence[Condition]) -> Mapping[SensorRef, tuple[float, ...]] | None:
    """Return the cuts of several conditions together, ``None`` if one of them has none to give."""
    merged: dict[SensorRef, tuple[float, ...]] = {}
    for child in children:
        cuts = child.cuts()
        if cuts is None:
            return None
        for ref, numbers in cuts.items():
            merged[ref] = merged.get(ref, ()) + numbers
    return merged


def _negated(inner: Check) -> Check:
    def check(now_us: int) -> Truth:
        truth = inner(now_us)
        return None if truth is None else not truth

    return check


def _joined(checks: Sequence[Check], *, decisive: bool) -> Check:
    """Return OR (*decisive* true: one true decides) or AND (one false decides)."""

    def check(now_us: int) -> Truth:
        joined: Truth = not decisive
        for inner in checks:
            truth = inner(now_us)
            if truth is decisive:
                joined = decisive
            elif truth is None and joined is not decisive:
                joined = None
        return joined

    return check

"""Where the built-in conditions say that they cannot be true; that they are right is the contract's to show."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from whenthen import Condition
from whenthen_plugins.conditions.comparison import Comparison
from whenthen_plugins.conditions.composite import Composite
from whenthen_plugins.conditions.duration import Duration
from whenthen_plugins.conditions.range import Range


def compared(operator: str, value: Any = 20, sensor: str = "t", **more: Any) -> Comparison:
    return Comparison({"sensor": sensor, "operator": operator, "value": value, **more})


def joined(operator: str, *parts: Condition) -> Composite:
    return Composite({"operator": operator, "conditions": []}, parts)


WITHIN = Range({"sensor": "t", "min": 18, "max": 24})
CHANGING = compared(">", {"sensor": "other"})


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (compared(">"), {"t": (20, inf)}),
        (compared("<="), {"t": (-inf, 20)}),
        (compared("=="), {"t": (20, 20)}),
        (compared("!="), None),
        (compared("==", "open"), None),
        (CHANGING, None),
        (compared(">", hysteresis=2), {"t": (18, inf)}),
        (compared("<", hysteresis=2), {"t": (-inf, 22)}),
        (compared(">", device="dev-1"), None),
        (compared(">", device="dev-1", hysteresis=2), None),
        (compared(">", aggregate="mean"), None),
        (compared(">", max_age_seconds=60), {"t": (20, inf)}),
        (WITHIN, {"t": (18, 24)}),
        (Range({"sensor": "t", "min": 18}), {"t": (18, inf)}),
        (joined("AND", WITHIN, compared(">"), compared("<", 5, "h")), {"t": (20, 24), "h": (-inf, 5)}),
        (joined("AND", WITHIN, CHANGING), {"t": (18, 24)}),
        (joined("AND", compared("<", 1), compared(">", 2)), {"t": (2, 1)}),
        (joined("OR", WITHIN, compared(">")), {"t": (18, inf)}),
        (joined("OR", WITHIN, compared("<", 5, "h")), None),
        (joined("OR", WITHIN, CHANGING), None),
        (joined("OR", WITHIN, compared(">", 30, hysteresis=5)), {"t": (18, inf)}),
        (joined("NOT", compared(">")), {"t": (-inf, 20)}),
        (joined("NOT", joined("OR", compared(">"), compared("<", 5, "h"))), {"t": (-inf, 20), "h": (5, inf)}),
        (joined("NOT", WITHIN), {"t": (-inf, inf)}),
        (joined("NOT", CHANGING), None),
        (Duration({"duration_seconds": 5}, [WITHIN]), {"t": (18, 24)}),
    ],
)
def test_bounds(condition: Condition, expected: Any) -> None:
    assert condition.bounds() == expected

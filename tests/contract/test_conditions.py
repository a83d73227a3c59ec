"""The built-in conditions keep the contract that everybody's conditions keep."""

from typing import Any

from hypothesis import strategies as st

from whenthen import Reading
from whenthen.testing import ConditionContract
from whenthen_plugins.conditions.change import Change
from whenthen_plugins.conditions.comparison import Comparison
from whenthen_plugins.conditions.composite import Composite
from whenthen_plugins.conditions.custom import Custom
from whenthen_plugins.conditions.duration import Duration
from whenthen_plugins.conditions.expression import ExpressionCondition
from whenthen_plugins.conditions.range import Range
from whenthen_plugins.conditions.time import TimeCondition
from whenthen_plugins.functions import AXES

AXIS = st.sampled_from([0, 0, 0, 0.0, 0.1, 0.2, 0.3, 0.5, 2, 2.5, -3, 3, 0, 0, 0, 0, 0.1, 0, 3, "x", None])


def wrist(steps: list[tuple[int, Any, Any, Any]]) -> list[Reading]:
    """Return what a wristband sends: milliseconds since the reading before, and three axes."""
    now_us, made = 1_767_225_600_000_000, []
    for wait_ms, *axes in steps:
        now_us += wait_ms * 1_000
        made.append(Reading("device-1", dict(zip(AXES, axes, strict=True)), now_us))
    return made


class TestComparison(ConditionContract):
    condition = Comparison
    raises = ()


class TestRange(ConditionContract):
    condition = Range
    raises = ()


class TestChange(ConditionContract):
    condition = Change
    raises = ()


class TestComposite(ConditionContract):
    condition = Composite
    raises = ()


class TestDuration(ConditionContract):
    condition = Duration
    raises = ()


class TestTimeCondition(ConditionContract):
    condition = TimeCondition
    raises = ()


class TestExpressionCondition(ConditionContract):
    condition = ExpressionCondition
    raises = ()


class TestCustom(ConditionContract):
    condition = Custom
    readings = st.lists(st.tuples(st.sampled_from([0, 20, 50, 100, 500]), AXIS, AXIS, AXIS), max_size=12).map(wrist)
    # A function for custom cannot ask to be looked at again: a fall is over at the next reading, not 100 ms later.
    leave_out = ("test_time_alone_changes_nothing_unasked",)

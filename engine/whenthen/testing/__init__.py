"""What tests of rules and plugins need: contracts, histories and rules to draw, a machine, a search, a clock to turn.

Needs the extra ``testing`` (pytest and Hypothesis). These names are public; all else may change.
"""

try:
    import hypothesis  # noqa: F401 - only whether it is there
    import pytest  # noqa: F401
except ImportError as error:
    raise ImportError("whenthen.testing needs pytest and Hypothesis: pip install 'whenthen[testing]'") from error

from whenthen.clock import ManualClock
from whenthen.proving.promises.search import Found, search
from whenthen.testing.action import ActionContract
from whenthen.testing.condition import ConditionContract
from whenthen.testing.function import FunctionContract
from whenthen.testing.machine import PromiseBrokenError, RuleMachine
from whenthen.testing.readings import readings
from whenthen.testing.rules_from import rules_from
from whenthen.testing.timelines import timelines
from whenthen.testing.trigger import TriggerContract

__all__ = [
    "ActionContract",
    "ConditionContract",
    "Found",
    "FunctionContract",
    "ManualClock",
    "PromiseBrokenError",
    "RuleMachine",
    "TriggerContract",
    "readings",
    "rules_from",
    "search",
    "timelines",
]

"""What the built-in plugin registers, through the same hooks as anybody's."""

from __future__ import annotations

from collections.abc import Iterable

from whenthen import Action, Condition, Driver, Function, Trigger, hookimpl
from whenthen_plugins.actions.device import DeviceCommand, Led, Sound
from whenthen_plugins.actions.outside import Broadcast, CustomAction, Email, Log, Notify, Sms, Webhook
from whenthen_plugins.actions.rules import Emit, RuleControl, RunOtherRule
from whenthen_plugins.conditions.change import Change
from whenthen_plugins.conditions.comparison import Comparison
from whenthen_plugins.conditions.composite import Composite
from whenthen_plugins.conditions.custom import Custom
from whenthen_plugins.conditions.duration import Duration
from whenthen_plugins.conditions.expression import ExpressionCondition
from whenthen_plugins.conditions.range import Range
from whenthen_plugins.conditions.time import TimeCondition
from whenthen_plugins.drivers.simulated import Simulated
from whenthen_plugins.functions import FUNCTIONS
from whenthen_plugins.triggers.event import EventHappens
from whenthen_plugins.triggers.manual import Manual
from whenthen_plugins.triggers.sensor import SensorReads
from whenthen_plugins.triggers.time import TimeComes

whenthen_api = 1
"""The version of the plugin contract that this was written for."""


@hookimpl
def whenthen_triggers() -> Iterable[type[Trigger]]:
    """Register the four triggers."""
    return [SensorReads, TimeComes, EventHappens, Manual]


@hookimpl
def whenthen_conditions() -> Iterable[type[Condition]]:
    """Register the eight conditions."""
    return [Comparison, Range, Change, Composite, Duration, TimeCondition, ExpressionCondition, Custom]


@hookimpl
def whenthen_actions() -> Iterable[type[Action]]:
    """Register the thirteen actions."""
    return [
        DeviceCommand,
        Led,
        Sound,
        Webhook,
        Log,
        RuleControl,
        RunOtherRule,
        Notify,
        Email,
        Sms,
        Broadcast,
        Emit,
        CustomAction,
    ]


@hookimpl
def whenthen_functions() -> Iterable[Function]:
    """Register the functions for expressions and for custom conditions."""
    return FUNCTIONS


@hookimpl
def whenthen_drivers() -> Iterable[type[Driver]]:
    """Register the driver of simulated devices."""
    return [Simulated]

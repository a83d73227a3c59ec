"""whenthen: rules for sensors and actuators, written in JSON. These names are public; all else may change."""

from whenthen.clock import ManualClock, SystemClock, from_us, seconds_us, to_us
from whenthen.dsl.expression import Expression
from whenthen.errors import ExpressionError, InvalidRuleError, PluginError, Problem, WhenthenError
from whenthen.extend.action import Action, Consequence, ControlRule, Effect, EmitEvent, RunRule
from whenthen.extend.condition import (
    Atom,
    Binding,
    Cell,
    Check,
    Condition,
    Formula,
    GapPolicy,
    Junction,
    Moment,
    Reader,
    Restarted,
    SensorRef,
    Truth,
    View,
    atom_cuts,
)
from whenthen.extend.hookspecs import Function, hookimpl
from whenthen.extend.trigger import EventTrigger, Place, Schedule, SensorTrigger, Trigger
from whenthen.model.event import Event
from whenthen.model.firing import ActionCall, Delivery, Firing, Notice
from whenthen.model.reading import Reading, Scalar
from whenthen.ports import Device, Directory, Farm, StaticDirectory
from whenthen_schemas import load as load_schema

__all__ = [
    "Action",
    "ActionCall",
    "Atom",
    "Binding",
    "Cell",
    "Check",
    "Condition",
    "Consequence",
    "ControlRule",
    "Delivery",
    "Device",
    "Directory",
    "Effect",
    "EmitEvent",
    "Event",
    "EventTrigger",
    "Expression",
    "ExpressionError",
    "Farm",
    "Firing",
    "Formula",
    "Function",
    "GapPolicy",
    "InvalidRuleError",
    "Junction",
    "ManualClock",
    "Moment",
    "Notice",
    "Place",
    "PluginError",
    "Problem",
    "Reader",
    "Reading",
    "Restarted",
    "RunRule",
    "Scalar",
    "Schedule",
    "SensorRef",
    "SensorTrigger",
    "StaticDirectory",
    "SystemClock",
    "Trigger",
    "Truth",
    "View",
    "WhenthenError",
    "atom_cuts",
    "from_us",
    "hookimpl",
    "load_schema",
    "seconds_us",
    "to_us",
]

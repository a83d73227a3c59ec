"""whenthen: rules for sensors and actuators, written in JSON. These names are public; all else may change."""

from whenthen.clock import ManualClock, SystemClock, from_us, seconds_us, to_us
from whenthen.dsl.expression import Expression
from whenthen.errors import (
    ActionRefusedError,
    ExpressionError,
    InvalidRuleError,
    OutcomeUnknownError,
    PluginError,
    Problem,
    RetryLaterError,
    WhenthenError,
)
from whenthen.extend.action import Action, Consequence, ControlRule, Effect, EmitEvent, RunRule
from whenthen.extend.advisor import Advice, Advisor, Question
from whenthen.extend.condition import (
    Binding,
    Cell,
    Check,
    Condition,
    GapPolicy,
    MissingReadingError,
    Moment,
    Reader,
    Restarted,
    Truth,
    View,
)
from whenthen.extend.driver import Command, Driver
from whenthen.extend.formula import Atom, Bounds, Formula, Junction, SensorRef, atom_cuts, merged_bounds
from whenthen.extend.hookspecs import API_VERSION, Function, hookimpl
from whenthen.extend.observer import Observer
from whenthen.extend.trigger import EventTrigger, Place, Schedule, SensorTrigger, Trigger
from whenthen.model.event import Event
from whenthen.model.firing import ActionCall, Delivery, Firing, Notice, Setting
from whenthen.model.reading import Reading, Scalar
from whenthen.ports import Device, Directory, Farm, StaticDirectory
from whenthen_schemas import load as load_schema

__all__ = [
    "API_VERSION",
    "Action",
    "ActionCall",
    "ActionRefusedError",
    "Advice",
    "Advisor",
    "Atom",
    "Binding",
    "Bounds",
    "Cell",
    "Check",
    "Command",
    "Condition",
    "Consequence",
    "ControlRule",
    "Delivery",
    "Device",
    "Directory",
    "Driver",
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
    "MissingReadingError",
    "Moment",
    "Notice",
    "Observer",
    "OutcomeUnknownError",
    "Place",
    "PluginError",
    "Problem",
    "Question",
    "Reader",
    "Reading",
    "Restarted",
    "RetryLaterError",
    "RunRule",
    "Scalar",
    "Schedule",
    "SensorRef",
    "SensorTrigger",
    "Setting",
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
    "merged_bounds",
    "seconds_us",
    "to_us",
]

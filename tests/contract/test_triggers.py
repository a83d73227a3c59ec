"""The built-in triggers keep the contract that everybody's triggers keep."""

from whenthen.testing import TriggerContract
from whenthen_plugins.triggers.event import EventHappens
from whenthen_plugins.triggers.manual import Manual
from whenthen_plugins.triggers.sensor import SensorReads
from whenthen_plugins.triggers.time import TimeComes


class TestSensorReads(TriggerContract):
    trigger = SensorReads


class TestTimeComes(TriggerContract):
    trigger = TimeComes
    examples = (
        {"sun": "sunset", "offset_minutes": -30},
        {"sun": "sunrise", "latitude": 64.1, "longitude": -21.9},
        {"cron": "*/20 * * * *", "timezone": "Australia/Lord_Howe"},
        {"cron": "30 2 * * *", "timezone": "Europe/Brussels"},
        {"every_seconds": 0.000001},
    )


class TestEventHappens(TriggerContract):
    trigger = EventHappens


class TestManual(TriggerContract):
    trigger = Manual

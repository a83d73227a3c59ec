"""Which value a name in an action's text means: the subject's newest, of the sensor of that name."""

from __future__ import annotations

from whenthen.errors import Problem
from whenthen.extend.formula import SensorRef
from whenthen.flow.instance import Instance
from whenthen.flow.readers import joined_reader
from whenthen.flow.slots import Slots
from whenthen.flow.subjects import Subjects
from whenthen.model.reading import Scalar


class Placeholders:
    """Looks names up among the sensors."""

    def __init__(self, slots: Slots, subjects: Subjects) -> None:
        self._slots = slots
        self._subjects = subjects

    def value(self, instance: Instance, name: str) -> Scalar | None:
        """Return a subject's newest value; raises ``KeyError`` for a name that nobody knows."""
        rule = instance.rule
        if name not in rule.known_names and not self._slots.known(name):
            raise KeyError(name)
        devices = self._subjects.members(rule.scope, instance.subject)
        found = [slot for device in devices if (slot := self._slots.find(device, name)) is not None]
        return joined_reader(SensorRef(name), found, instance)(0)

    def answers(self, problem: Problem) -> bool:
        """Tell whether a placeholder that a rule does not know is a sensor that some device has."""
        if problem.code != "unknown_placeholder":
            return False
        return any(repr(slot.sensor) in problem.message for slot in self._slots.heard())

"""What may hold of the air: a vapour pressure deficit, a dew point, water on a surface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from whenthen import Condition, Problem, SensorRef, Truth, View

from whenthen_psychrometrics.formulas import COLDEST, HOTTEST, WETTEST, dew_point, vapour_pressure_deficit

_SENSORS: Mapping[str, Any] = {
    "temperature": {"type": "string", "minLength": 1, "description": "The air's sensor, °C; default temperature"},
    "humidity": {"type": "string", "minLength": 1, "description": "The air's sensor, percent; default humidity"},
}


class OfAir(Condition, ABC):
    """The common part: two sensors, and limits of which all that are there must hold.

    Unknown while a sensor has no number, or one for which the formulas do not hold.
    """

    above: ClassVar[str]
    below: ClassVar[str]

    @property
    def names(self) -> tuple[str, ...]:
        """The sensors that are read: the temperature's, the humidity's, and perhaps more."""
        return (self.config.get("temperature", "temperature"), self.config.get("humidity", "humidity"))

    def sensors(self) -> tuple[SensorRef, ...]:
        """Return every sensor that is read."""
        return tuple(map(SensorRef, self.names))

    @abstractmethod
    def quantity(self, temperature: float, humidity: float) -> float:
        """Return what the limits are about; ``ValueError`` where there is none."""

    def evaluate(self, view: View) -> Truth:
        """Return whether every limit holds."""
        try:
            return self.holds(self.quantity(*(view[name] for name in self.names[:2])), view)
        except ValueError:
            return None

    def holds(self, value: float, view: View) -> Truth:  # noqa: ARG002 - for those that read more
        """Return whether every limit holds for a quantity."""
        above, below = self.config.get(self.above), self.config.get(self.below)
        return (above is None or value > above) and (below is None or value < below)

    def bounds(self) -> Mapping[str, tuple[float, float]]:
        """Return where the formulas hold: elsewhere the condition is unknown."""
        temperature, humidity = self.names[:2]
        return {temperature: (COLDEST, HOTTEST), humidity: (0.0, WETTEST)}

    def problems(self) -> Iterable[Problem]:
        """Refuse one that has no limit, that no number can satisfy, or that reads one sensor for two things."""
        above, below = self.config.get(self.above), self.config.get(self.below)
        if above is None and below is None and "surface" not in self.config:
            yield Problem("bad_value", "", f"it needs {self.above} or {self.below}, or both", "add one of them")
        if above is not None and below is not None and above >= below:
            message = f"nothing is above {above} and below {below}"
            yield Problem("bad_value", f"/{self.above}", message, "swap them?")
        if len(set(self.names)) < len(self.names):
            yield Problem("bad_value", "", "one sensor is named for two things", "name different sensors")


class VapourPressureDeficit(OfAir):
    """True while the deficit lies above ``above_kpa`` and below ``below_kpa``; one of the two will do."""

    type = "vapour_pressure_deficit"
    above, below = "above_kpa", "below_kpa"
    schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "above_kpa": {"type": "number", "description": "kPa"},
            "below_kpa": {"type": "number", "description": "kPa"},
            "leaf_cooler_by": {"type": "number", "minimum": -10, "maximum": 10, "description": "°C; default 0"},
            **_SENSORS,
        },
    }
    examples = ({"above_kpa": 1.2}, {"above_kpa": 0.4, "below_kpa": 0.8, "leaf_cooler_by": 2})

    def quantity(self, temperature: float, humidity: float) -> float:
        """Return the deficit in kPa."""
        return vapour_pressure_deficit(temperature, humidity, self.config.get("leaf_cooler_by", 0.0))

    def describe(self) -> str:
        """Return for example ``0.4 kPa < vapour pressure deficit < 0.8 kPa``."""
        low = f"{self.config['above_kpa']} kPa < " if "above_kpa" in self.config else ""
        high = f" < {self.config['below_kpa']} kPa" if "below_kpa" in self.config else ""
        return f"{low}vapour pressure deficit{high}"


class DewPoint(OfAir):
    """True while the dew point lies between the limits and, with ``surface``, water settles on it or is about to.

    With ``surface``, a sensor's name, that sensor must read less than ``margin`` °C above the dew point.
    """

    type = "dew_point"
    above, below = "above_celsius", "below_celsius"
    schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "dependentRequired": {"margin": ["surface"]},
        "properties": {
            "above_celsius": {"type": "number", "description": "°C"},
            "below_celsius": {"type": "number", "description": "°C"},
            "surface": {"type": "string", "minLength": 1, "description": "The sensor of a pipe, a window, a leaf, °C"},
            "margin": {"type": "number", "description": "°C above the dew point; default 0"},
            **_SENSORS,
        },
    }
    examples = ({"above_celsius": 16}, {"surface": "pipe_temperature", "margin": 1.5})

    @property
    def names(self) -> tuple[str, ...]:
        """The sensors that are read: the air's two, and the surface's if there is one."""
        return (*super().names, self.config["surface"]) if "surface" in self.config else super().names

    def quantity(self, temperature: float, humidity: float) -> float:
        """Return the dew point in °C."""
        return dew_point(temperature, humidity)

    def holds(self, value: float, view: View) -> Truth:
        """Return whether the limits hold, and the surface is as cold as that."""
        within = super().holds(value, view)
        if "surface" not in self.config:
            return within
        surface = view[self.config["surface"]]
        if isinstance(surface, bool) or not isinstance(surface, int | float):
            return False if within is False else None
        return bool(within and surface < value + self.config.get("margin", 0.0))

    def describe(self) -> str:
        """Return for example ``16 °C < dew point, pipe_temperature < dew point + 1.5 °C``."""
        low = f"{self.config['above_celsius']} °C < " if "above_celsius" in self.config else ""
        high = f" < {self.config['below_celsius']} °C" if "below_celsius" in self.config else ""
        limits = [f"{low}dew point{high}"] if low or high else []
        if "surface" in self.config:
            limits.append(f"{self.config['surface']} < dew point + {self.config.get('margin', 0)} °C")
        return ", ".join(limits)

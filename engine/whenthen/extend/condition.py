"""The base class of conditions, and what the engine hands to one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, ClassVar, Literal, Protocol

from whenthen.clock import from_us
from whenthen.errors import Problem
from whenthen.extend.formula import Bounds, Formula, SensorRef, atom_cuts, atoms, formula_bounds
from whenthen.model.reading import Scalar

Truth = bool | None
"""``True``, ``False`` or ``None`` for unknown.

>>> isinstance(None, Truth)
True
"""

Check = Callable[[int], Truth]
"""A compiled condition: takes the present instant in microseconds, returns a truth.

>>> late: Check = lambda now_us: now_us > 1_000_000
>>> late(2_000_000)
True
"""

Reader = Callable[[int], Scalar | None]
"""Takes the present instant in microseconds, returns a sensor's usable value or ``None``.

>>> read: Reader = lambda now_us: 21.5 if now_us < 60_000_000 else None
>>> read(0)
21.5
"""

Restarted = Callable[[int, int], tuple[int, int | None] | None]
"""Takes the start and the end of a stop (microseconds); returns a wake that has moved, and where to (if anywhere).

>>> moved: Restarted = lambda stopped_us, started_us: (50, 50 + started_us - stopped_us)
>>> moved(10, 30)
(50, 70)
"""


class Cell(Protocol):
    """The newest reading of one sensor of one device: its value (``None`` when unknown) and its time.

    >>> from types import SimpleNamespace
    >>> cell: Cell = SimpleNamespace(value=21.5, at_us=0)
    >>> cell.value
    21.5
    """

    value: Scalar | None
    at_us: int


@dataclass(slots=True)
class Moment:
    """What kind of look the engine takes at its conditions just now.

    *evaluating*: a trigger asks, or a timer has come; *reading*: a reading caused the look; *completed*: set by a
    duration that completes in this very look, which makes it a trigger.

    >>> Moment(now_us=0, evaluating=True).reading
    False
    """

    now_us: int = 0
    evaluating: bool = False
    reading: bool = False
    completed: bool = False


@dataclass(frozen=True, slots=True)
class GapPolicy:
    """A rule's ``on_gap`` and ``max_gap_seconds`` (microseconds; ``None``: a tenth of the duration, at most 60 s).

    >>> GapPolicy("hold").max_gap_us is None
    True
    """

    on_gap: Literal["verify", "hold", "reset"] = "verify"
    max_gap_us: int | None = None


class Binding(Protocol):
    """Everything that a condition may ask for when it is compiled for one subject.

    >>> class Second(Condition):
    ...     type = "second_look"
    ...
    ...     def compile(self, bind: Binding) -> Check:
    ...         def check(now_us):
    ...             bind.state["looks"] = bind.state.get("looks", 0) + 1
    ...             return bind.state["looks"] >= 2
    ...
    ...         return check
    >>> from types import SimpleNamespace
    >>> check = Second({}).compile(SimpleNamespace(state={}))
    >>> check(0), check(0)
    (False, True)
    """

    @property
    def children(self) -> Sequence[Check]:
        """The inner conditions' checks, in order."""

    @property
    def state(self) -> dict[str, Any]:
        """The condition's own memory, JSON-able, kept and persisted by the engine."""

    @property
    def moment(self) -> Moment:
        """What kind of look is being taken."""

    @property
    def gap(self) -> GapPolicy:
        """The rule's ``on_gap``."""

    @property
    def zone(self) -> tzinfo:
        """The subject's time zone."""

    @property
    def fires(self) -> bool:
        """Whether what the condition reads is named by a sensor trigger of the rule (ruling 6)."""

    @property
    def functions(self) -> Mapping[str, Callable[..., Any]]:
        """The functions that expressions may call."""

    def cell(self, ref: SensorRef) -> Cell | None:
        """Return the cell behind a plain sensor (no aggregate, no age limit, one device), else ``None``."""

    def cells(self, ref: SensorRef) -> Callable[[], Sequence[tuple[str, Cell]]]:
        """Return a function that lists device and cell for each device that *ref* joins and that has had a reading."""

    def reader(self, ref: SensorRef) -> Reader:
        """Return a function that reads *ref*, whatever it is."""

    def wake(self, at_us: int) -> None:
        """Ask to be looked at again at *at_us*; said anew in each look."""

    def every_reading(self) -> None:
        """Ask to be looked at on every reading of what the rule reads, whatever the cuts say."""

    def on_restart(self, call: Restarted) -> None:
        """Have *call* told of a gap in the engine's running."""

    def view(self) -> View:
        """Return the view for ``evaluate``."""


class MissingReadingError(Exception):
    """A view was asked for a sensor that has no usable value: the condition is unknown.

    >>> from datetime import UTC
    >>> try:
    ...     View({}, {}, UTC, {})["temperature"]
    ... except MissingReadingError as missing:
    ...     print("there is no", missing)
    there is no temperature
    """


class View:
    """What a condition sees: the sensors that it reads, the time, and its own state; nothing to change but the state.

    ``view["temperature"]`` is the newest usable value; without one the condition is unknown.

    >>> from datetime import UTC
    >>> view = View({"temperature": lambda now_us: 21.5}, {}, UTC, {})
    >>> view["temperature"], view.get("humidity", 50)
    (21.5, 50)
    """

    __slots__ = ("_readers", "functions", "now_us", "state", "truths", "zone")

    functions: Mapping[str, Callable[..., Any]]
    now_us: int
    state: dict[str, Any]
    truths: Sequence[Truth]
    zone: tzinfo

    def __init__(
        self,
        readers: Mapping[str, Reader],
        state: dict[str, Any],
        zone: tzinfo,
        functions: Mapping[str, Callable[..., Any]],
    ) -> None:
        self._readers = readers
        self.state = state
        self.zone = zone
        self.functions = functions
        self.now_us = 0
        self.truths = ()

    def __getitem__(self, sensor: str) -> Any:
        """Return the sensor's value; without one the condition is unknown."""
        value = self.get(sensor)
        if value is None:
            raise MissingReadingError(sensor)
        return value

    def get(self, sensor: str, default: Any = None) -> Any:
        """Return the sensor's value, or *default* when it has none."""
        read = self._readers.get(sensor)
        value = None if read is None else read(self.now_us)
        return default if value is None else value

    @property
    def now(self) -> datetime:
        """The present instant in the subject's time zone."""
        return from_us(self.now_us).astimezone(self.zone)


class Condition:
    """Something that may hold. Subclass it, name its ``type``, ``schema`` and what it ``reads``, write ``evaluate``.

    >>> class Warm(Condition):
    ...     type = "warm"
    ...     reads = ("temperature",)
    ...
    ...     def evaluate(self, view):
    ...         return view["temperature"] > 20
    >>> Warm({}).sensors()
    (SensorRef(sensor='temperature', device=None, aggregate=None, max_age_us=None),)
    """

    type: ClassVar[str]
    """The name in rules: ``snake_case``, a prefix and a dot may precede; unique among conditions."""
    schema: ClassVar[Mapping[str, Any]] = {"type": "object"}
    """The JSON Schema (2020-12) of the config; its references stay within it."""
    reads: Sequence[str] = ()
    """The sensors of the subject that it reads; a property may compute them from the config."""
    nested: ClassVar[str | None] = None
    """The config key that holds inner conditions (one or a list); they are built first and given as *children*."""
    examples: ClassVar[Sequence[Mapping[str, Any]]] = ()
    """Configs that the schema allows, for people, editors and tests."""
    needs_functions: ClassVar[bool] = False
    """Whether a function that nobody registered makes the rule invalid; otherwise it is a warning."""

    def __init__(self, config: Mapping[str, Any], children: Sequence[Condition] = ()) -> None:
        self.config = config
        self.children: tuple[Condition, ...] = tuple(children)

    def evaluate(self, view: View) -> Truth:  # noqa: ARG002 - to be overridden
        """Return the truth for what *view* shows; asked only when every sensor that is read has a value."""
        raise TypeError(f"{self.type} has neither evaluate nor compile")

    def compile(self, bind: Binding) -> Check | None:  # noqa: ARG002 - an offer, not a demand
        """Return a function of the present instant, or ``None`` to be asked through ``evaluate``."""
        return None

    def sensors(self) -> tuple[SensorRef, ...]:
        """Return the sensors (or variables of the rule) that the condition itself reads, its children's left out."""
        return tuple(SensorRef(name) for name in self.reads)

    def lowered(self) -> Formula | None:
        """Return the condition as a formula when it is nothing but comparisons, else ``None``."""
        return None

    def cuts(self) -> Mapping[SensorRef, tuple[float, ...]] | None:
        """Return, by sensor, the numbers at which alone the truth (or the state) can change.

        Between two neighbouring cuts, where "above a cut" means ``value > cut``, no number changes anything. ``None``:
        every reading may matter. The engine uses it to leave a rule alone; a formula's cuts are known.
        """
        formula = self.lowered()
        if formula is None:
            return None
        cuts: dict[SensorRef, tuple[float, ...]] = {}
        for atom in atoms(formula):
            cuts[atom.ref] = cuts.get(atom.ref, ()) + atom_cuts(atom)
        return cuts

    def bounds(self) -> Bounds | None:
        """Return, by sensor of the subject, the closed interval of numbers outside of which it cannot be true.

        ``None``: there is nothing to say. An interval that ends before it begins says that it is never true. A
        formula's bounds are known.

        >>> from whenthen_plugins.conditions.range import Range
        >>> Range({"sensor": "co2", "min": 400, "max": 1000}).bounds()
        {'co2': (400, 1000)}
        """
        formula = self.lowered()
        return None if formula is None else formula_bounds(formula) or None

    def functions(self) -> Sequence[str]:
        """Return the names of registered functions that the config asks for; what they read is read here too."""
        return ()

    def due_in(self, view: View) -> float | None:  # noqa: ARG002 - an offer, not a demand
        """Return the seconds after which the truth may change by the passing of time alone, or ``None``."""
        return None

    def problems(self) -> Iterable[Problem]:
        """Yield what a schema cannot say is wrong; pointers are within the config."""
        return ()

    def explain(self, state: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - an offer, not a demand
        """Return what an explanation adds of its own state, JSON-ready, such as since when it has counted."""
        return {}

    def describe(self) -> str:
        """Return a short sentence that a person reads."""
        return f"{self.type} {dict(self.config)}" if self.config else self.type

"""The contract of conditions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from whenthen.clock import SECOND_US
from whenthen.dsl.compiled import Node
from whenthen.dsl.reads import refs_below
from whenthen.extend.condition import Condition, Truth
from whenthen.extend.formula import Atom, Formula, SensorRef
from whenthen.model.reading import Reading
from whenthen.testing.bench import Bench
from whenthen.testing.contract import ConfiguredContract, as_json, millis, repeated, require
from whenthen.testing.play import (
    LONE_SENSOR,
    Document,
    compiler,
    condition_rules,
    first_difference,
    play,
    registry_with,
    variant,
)
from whenthen.testing.readings import readings as readings_of

_LATER_US = tuple(seconds * SECOND_US for seconds in (0.001, 1, 59, 600, 1_800, 3_600, 21_600, 43_200, 86_400))
_INNER = st.sampled_from(
    [
        {"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 20}},
        {"type": "comparison", "config": {"sensor": "humidity", "operator": "<=", "value": 55.5}},
        {"type": "comparison", "config": {"sensor": "temperature", "operator": ">=", "value": 21, "hysteresis": 2}},
        {"type": "range", "config": {"sensor": "humidity", "min": 40, "max": 60}},
    ]
)


@dataclass(frozen=True, slots=True)
class ConditionCase:
    """A config, readings, and after how many of them the engine stops."""

    config: dict[str, Any]
    history: tuple[Reading, ...]
    stop_after: int


class ConditionContract(ConfiguredContract):
    """What a condition must keep; ``condition`` names the class.

    >>> from whenthen import Condition
    >>> class Warm(Condition):
    ...     type = "warm"
    ...     reads = ("temperature",)
    ...     examples = ({},)
    ...
    ...     def evaluate(self, view):
    ...         return view["temperature"] > 20
    >>> class TestWarm(ConditionContract):
    ...     condition = Warm
    >>> TestWarm().test_evaluation_is_pure()
    """

    kind = "condition"
    condition: ClassVar[type[Condition]]
    readings: ClassVar[SearchStrategy[list[Reading]] | Sequence[Reading] | None] = None
    """Readings to test with; made from the config when not given."""
    needs_every_reading: ClassVar[bool] = True
    """Whether one missing reading is enough to make it unknown; if not, all of them missing must be."""

    # What the checks are repeated with

    @classmethod
    def rules(cls, config: Mapping[str, Any]) -> list[Document]:
        """Return a rule that fires when the condition holds, and one that fires when it does not."""
        kind = cls.subject().type
        return condition_rules(kind, config, cls._refs(config))

    @classmethod
    def any_configs(cls) -> SearchStrategy[dict[str, Any]]:
        """Return configs that the schema takes; inner conditions are comparisons and ranges."""
        made = super().any_configs()
        nested = cls.subject().nested
        if nested is None or cls.configs is not None:
            return made
        several = dict(cls.subject().schema).get("properties", {}).get(nested, {}).get("type") == "array"
        inner: SearchStrategy[Any] = st.lists(_INNER, min_size=1, max_size=3) if several else _INNER
        return st.builds(lambda config, found: {**config, nested: deepcopy(found)}, made, inner)

    @classmethod
    def cases(cls) -> SearchStrategy[ConditionCase]:
        """Return valid configs with readings near the numbers in them."""
        return cls.good_configs().flatmap(lambda config: cls._with_readings(config, hostile=False))

    @classmethod
    def hostile_cases(cls) -> SearchStrategy[ConditionCase]:
        """Return valid configs with readings that nobody expects."""
        return cls.good_configs().flatmap(lambda config: cls._with_readings(config, hostile=True))

    @classmethod
    def _with_readings(cls, config: dict[str, Any], *, hostile: bool) -> SearchStrategy[ConditionCase]:
        node = cls._node(config)
        cuts = [list(numbers) for numbers in (node.condition.cuts() or {}).values()]
        refs = cls._refs(config)
        devices = sorted({"device-1", *(ref.device for ref in refs if ref.device is not None)})
        history: SearchStrategy[Any]
        if cls.readings is None:
            sensors = sorted({ref.sensor for ref in refs}) or [LONE_SENSOR]
            history = readings_of(sensors, near=[config, cuts], devices=devices, hostile=hostile)
        elif isinstance(cls.readings, SearchStrategy):
            history = cls.readings
        else:
            history = st.just(list(cls.readings))
        return st.builds(ConditionCase, st.just(config), history.map(tuple), st.integers(1, 6))

    @classmethod
    def _node(cls, config: Mapping[str, Any]) -> Node:
        rule = condition_rules(cls.subject().type, config, ())[0]
        return compiler(cls.registry()).compile(rule).conditions[0]

    @classmethod
    def compiled(cls, config: Mapping[str, Any]) -> Any:
        """Return the rule that fires when the condition holds, compiled; raises ``InvalidRuleError``."""
        return compiler(cls.registry()).compile(condition_rules(cls.subject().type, config, ())[0])

    @classmethod
    def _refs(cls, config: Mapping[str, Any]) -> list[SensorRef]:
        try:
            return list(dict.fromkeys(refs_below(cls._node(config), {}, cls.registry())))
        except Exception:  # noqa: BLE001 - a config that is refused reads nothing
            return []

    @classmethod
    def not_offered(cls) -> Collection[str]:
        """Leave out what only holds between two ways of saying the same, when there is one."""
        condition = cls.subject()
        lowered = condition.lowered is not Condition.lowered
        offered = {
            "test_compile_agrees_with_evaluate": condition.evaluate is not Condition.evaluate
            and condition.compile is not Condition.compile,
            "test_lowered_agrees": lowered,
            "test_cuts_leave_nothing_out": lowered or condition.cuts is not Condition.cuts,
            "test_bounds_agree": lowered or condition.bounds is not Condition.bounds,
        }
        return [*super().not_offered(), *(name for name, there in offered.items() if not there)]

    def _objects(self, config: Mapping[str, Any]) -> Iterator[Condition]:
        yield self._node(config).condition

    def _bench(self, config: Mapping[str, Any], *, strict: bool = False) -> Bench:
        return Bench(self._node(config), self.registry(), () if strict else self.raises)

    # The checks

    @repeated("cases")
    def test_truth_is_true_false_or_none(self, case: ConditionCase) -> None:
        """Nothing else is an answer: not 1, not numpy's True, not a text."""
        bench = self._bench(case.config)
        for reading in case.history:
            bench.take(reading)
            truth = bench.truth()
            require(
                truth is True or truth is False or truth is None,
                f"the truth of {bench.values()} is {truth!r} ({type(truth).__name__}); return True, False or None "
                "(bool(…) makes one of a number or of numpy's)",
            )

    @repeated("cases")
    def test_evaluation_is_pure(self, case: ConditionCase) -> None:
        """Same config, values, memory and time: same truth; and nothing is changed but the memory."""
        bench = self._bench(case.config)
        held = bench.node.condition.config
        config = deepcopy(held)
        for reading in case.history:
            bench.take(reading)
            first = bench.copy(self._node(case.config))
            again = bench.copy()
            values = dict(bench.values())
            truth = bench.look()
            where = f"at {values}"
            require(bench.values() == values, f"evaluation changed the readings: {values} became {bench.values()}")
            require(held == config, f"evaluation changed the config: {config} became {held}")
            require(
                truth is again.look() and bench.states == again.states,
                f"{where} the same view and memory gave {truth}, then {again.look()}: something outside decides",
            )
            require(
                truth is first.look() and bench.states == first.states,
                f"{where} it is {truth}, but {first.look()} for a new object: it keeps something in itself; "
                "what must be kept belongs into view.state (bind.state)",
            )
            second = bench.look()
            require(
                truth is second,
                f"{where} it is {truth}, and {second} on a second look at the same instant: an engine looks as often "
                "as it likes, so count readings by their time, not looks",
            )

    @repeated("cases")
    def test_a_missing_reading_makes_it_unknown(self, case: ConditionCase) -> None:
        """Without a sensor that it declares it is unknown, and it reads none that it does not declare."""
        bench = self._bench(case.config)
        if bench.node.condition.nested is not None:
            return
        sensors = [ref.sensor for ref in self._refs(case.config)]
        for reading in case.history:
            bench.take(reading)
            bench.look()
            without = [[sensor] for sensor in sensors] if self.needs_every_reading else [sensors] if sensors else []
            for missing in without:
                blind = bench.copy()
                for sensor in missing:
                    blind.forget(sensor)
                truth = blind.look()
                require(
                    truth is None,
                    f"without {' and '.join(missing)} it is {truth}, not unknown (None); if it can do without, "
                    "say needs_every_reading = False in the test class",
                )
        unknown = sorted(bench.undeclared)
        require(not unknown, f"it asks the view for {unknown}, which neither reads nor sensors() names: never a value")

    @repeated("hostile_cases")
    def test_hostile_readings_raise_only_declared_errors(self, case: ConditionCase) -> None:
        """Whatever a device sends, only the errors in ``raises`` come out."""
        bench = self._bench(case.config)
        for reading in case.history:
            bench.take(reading)
            try:
                bench.truth()
            except AssertionError:
                raise
            except Exception as error:
                names = ", ".join(kind.__name__ for kind in self.raises) or "nothing"
                raise AssertionError(
                    f"{bench.values()} raises {type(error).__name__}: {error}; only {names} may be raised (raises): "
                    "check a value's type before using it, or return None"
                ) from error
        play(self.registry(), self.rules(case.config), case.history)

    @repeated("cases")
    def test_evaluation_is_quick(self, case: ConditionCase) -> None:
        """The median evaluation stays under ``time_limit_ms``."""
        bench, spent = self._bench(case.config), []
        for reading in case.history[:4]:
            bench.take(reading)
            spent += [millis(bench.truth), millis(bench.truth)]
        self._require_quick("an evaluation", spent)

    @repeated("cases")
    def test_state_survives_json_and_a_restart(self, case: ConditionCase) -> None:
        """Stopped anywhere and started again from its state as JSON, an engine fires as if it had gone on."""
        bench = self._bench(case.config)
        for reading in case.history:
            bench.take(reading)
            bench.look()
            as_json(bench.states, "the memory (view.state)")
            if state := bench.states.get(bench.node.path):
                told = bench.node.condition.explain(deepcopy(state))
                require(isinstance(told, Mapping), f"explain() returned {told!r}; it returns an object")
                as_json(told, "what explain() returns")
        rules, registry = self.rules(case.config), self.registry()
        expected = play(registry, rules, case.history)
        found = play(registry, rules, case.history, case.stop_after)
        lost = first_difference(expected, found)
        require(not lost, f"after a restart behind reading {case.stop_after}: {lost}; keep memory in view.state only")

    @repeated("cases")
    def test_compile_agrees_with_evaluate(self, case: ConditionCase) -> None:
        """The compiled check fires what ``evaluate`` fires."""
        plain = self._played(case, compile=Condition.compile, lowered=_nothing, cuts=_nothing)
        told = first_difference(plain, self._played(case, lowered=_nothing, cuts=_nothing))
        require(not told, f"compile() does not agree with evaluate(): {told}")

    @repeated("cases")
    def test_lowered_agrees(self, case: ConditionCase) -> None:
        """The formula is as true as the condition itself."""
        bench = self._bench(case.config)
        formula = bench.node.condition.lowered()
        if formula is None:
            return
        for reading in case.history:
            bench.take(reading)
            truth, said = bench.look(), _known(formula, bench)
            require(truth is said, f"at {bench.values()} the condition is {truth}, its lowered() formula {said}")

    @repeated("cases")
    def test_cuts_leave_nothing_out(self, case: ConditionCase) -> None:
        """An engine that looks only when a cut is crossed fires what one that always looks does."""
        told = first_difference(self._played(case, lowered=_nothing, cuts=_nothing), self._played(case))
        require(not told, f"cuts() (or lowered()) lets the engine miss something: {told}")

    @repeated("cases")
    def test_bounds_agree(self, case: ConditionCase) -> None:
        """Outside of its bounds the condition is never true."""
        bench = self._bench(case.config)
        bounds = bench.node.condition.bounds()
        for reading in case.history if bounds else ():
            bench.take(reading)
            if bench.look() is not True:
                continue
            for sensor, (low, high) in (bounds or {}).items():
                value = bench.values().get(sensor)
                inside = not isinstance(value, int | float) or isinstance(value, bool) or low <= value <= high
                require(inside, f"bounds() says {sensor} from {low} to {high}, but it is true at {bench.values()}")

    @repeated("cases")
    def test_time_alone_changes_nothing_unasked(self, case: ConditionCase) -> None:
        """Between readings the truth changes only where ``due_in`` (or ``bind.wake``) asked to be looked at again."""
        bench = self._bench(case.config)
        for reading in case.history:
            bench.take(reading)
            truth = bench.look()
            asked = min((at_us for at_us in bench.wakes), default=None)
            for later_us in (bench.now_us + round(ahead) for ahead in _LATER_US):
                if asked is not None and later_us >= asked:
                    break
                later = bench.copy(now_us=later_us).look()
                seconds = (later_us - bench.now_us) / SECOND_US
                require(
                    later is truth,
                    f"{seconds:g} s after {bench.values()} it has become {later} from {truth}, but nobody asked to "
                    "look again: return the seconds until then from due_in()",
                )

    def _played(self, case: ConditionCase, **changed: Any) -> list[Any]:
        condition = self.subject()
        registry = registry_with("condition", condition.type, variant(condition, **changed))
        return play(registry, self.rules(case.config), case.history)


def _nothing(_condition: Condition) -> None:
    return None


_OPPOSITE = {True: False, False: True, None: None}


def _known(formula: Formula, bench: Bench) -> Truth:
    """Return a formula's truth by Kleene's tables, worked out as plainly as can be."""
    if isinstance(formula, Atom):
        return _compared(formula, bench)
    truths = [_known(part, bench) for part in formula.parts]
    if formula.operator == "NOT":
        return _OPPOSITE[truths[0]]
    decisive = formula.operator == "OR"
    if decisive in truths:
        return decisive
    return None if None in truths else not decisive


def _compared(atom: Atom, bench: Bench) -> Truth:
    cell = bench.cells.get((atom.ref.device or bench.device, atom.ref.sensor))
    old = cell is not None and atom.ref.max_age_us is not None and bench.now_us >= cell.at_us + atom.ref.max_age_us
    value = None if cell is None or old else cell.value
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    limit = atom.limit
    return {
        ">": value > limit,
        ">=": value >= limit,
        "<": value < limit,
        "<=": value <= limit,
        "==": value == limit,
        "!=": value != limit,
    }[atom.operator]

"""``duration``: another condition that has held without a break for a while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whenthen import Binding, Bounds, Check, Condition, SensorRef, Truth, from_us, load_schema, seconds_us

_DEFAULT_MAX_GAP_US = 60_000_000


class Duration(Condition):
    """True once the inner condition has held for ``duration_seconds``; a timer completes it."""

    type = "duration"
    schema = load_schema("condition.duration")
    nested = "condition"
    examples = ({"condition": {"type": "range", "config": {"sensor": "co2", "min": 1000}}, "duration_seconds": 300},)

    def __init__(self, config: Mapping[str, Any], children: Sequence[Condition] = ()) -> None:
        super().__init__(config, children)
        self.duration_us = seconds_us(config["duration_seconds"])

    def cuts(self) -> Mapping[SensorRef, tuple[float, ...]] | None:
        """Return the inner condition's: nothing moves in between but time, and time has a timer."""
        return self.children[0].cuts()

    def bounds(self) -> Bounds | None:
        """Return the inner condition's: it must hold all the while."""
        return self.children[0].bounds()

    def compile(self, bind: Binding) -> Check:
        """Return the check; its memory is in the state, so that a restart finds it."""
        hold = Hold(self.duration_us, bind)
        bind.on_restart(hold.restarted)
        return hold.look

    def explain(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return since when it has counted, and which gap (or stop) made it begin anew."""
        told: dict[str, Any] = {}
        if "since" in state:
            told["counted_since"] = from_us(state["since"]).isoformat()
        if "lost" in state:
            start, end = (from_us(us).isoformat() for us in state["lost"])
            told["set_back_by_gap"] = {"from": start, "until": end}
        return told

    def describe(self) -> str:
        """Return for example ``co2 > 1000 for 300 s``."""
        return f"{self.children[0].describe()} for {self.config['duration_seconds']} s"


class Hold:
    """One running duration of one subject.

    The state: ``since`` (start; moved forward by gaps that do not count), ``gap`` (start of a gap by unknown),
    ``done`` (the completion has had its effect), ``waits`` (a restart dropped it: only a reading starts it anew),
    ``lost`` (start and end of the gap that made it begin anew; only explanations ask for it).
    """

    __slots__ = ("_bind", "_duration_us", "_inner", "_max_gap_us", "_policy", "_state")

    def __init__(self, duration_us: int, bind: Binding) -> None:
        self._duration_us = duration_us
        self._bind = bind
        self._inner = bind.children[0]
        self._state = bind.state
        self._policy = bind.gap.on_gap
        if "waits" in self._state:
            bind.every_reading()
        given = bind.gap.max_gap_us
        self._max_gap_us = min(duration_us // 10, _DEFAULT_MAX_GAP_US) if given is None else given

    def look(self, now_us: int) -> Truth:
        """Return the truth at *now_us*, having moved the state there."""
        inner = self._inner(now_us)
        state = self._state
        if inner is True:
            return self._held(now_us)
        if inner is False:
            if state:
                state.clear()
            return False
        if "since" in state:
            state.setdefault("gap", now_us)
        return None

    def _held(self, now_us: int) -> bool:
        state = self._state
        if "since" not in state:
            if "waits" in state and not self._bind.moment.reading:
                return False
            state.pop("waits", None)
            state["since"] = now_us
        elif "gap" in state:
            self._resume(now_us)
        due_us = state["since"] + self._duration_us
        if now_us < due_us:
            self._bind.wake(due_us)
            return False
        if "done" not in state:
            self._complete(now_us)
        return True

    def _complete(self, now_us: int) -> None:
        moment = self._bind.moment
        if moment.evaluating:
            self._state["done"] = True
            if self._bind.fires:
                moment.completed = True
        elif self._bind.fires:
            self._bind.wake(now_us)

    def _resume(self, now_us: int) -> None:
        """Go on after a gap by unknown, as ``on_gap`` says."""
        state = self._state
        gap_start_us = state.pop("gap")
        gap_us = now_us - gap_start_us
        if self._policy == "hold":
            return
        if self._policy == "verify" and gap_us <= self._max_gap_us:
            state["since"] += gap_us
            return
        state.clear()
        state.update(since=now_us, lost=[gap_start_us, now_us])

    def restarted(self, start_us: int, end_us: int) -> tuple[int, int | None] | None:
        """Treat the time from *start_us* to *end_us*, in which nothing ran, as ``on_gap`` says (ruling 18)."""
        state = self._state
        if "since" not in state or "gap" in state or self._policy == "hold":
            return None
        gap_us = end_us - start_us
        due_us = state["since"] + self._duration_us
        if self._policy == "verify" and gap_us <= self._max_gap_us:
            state["since"] += gap_us
            return due_us, due_us + gap_us
        state.clear()
        state.update(waits=True, lost=[start_us, end_us])
        self._bind.every_reading()
        return due_us, None

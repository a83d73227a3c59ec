"""Histories for given rules as a Hypothesis strategy: near what matters to the rules, and all that may go wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry
from whenthen.model.step import Step
from whenthen.ports import Directory
from whenthen.proving.promises.moves import FAULTS, Choices, told
from whenthen.proving.promises.promise import Promise
from whenthen.proving.promises.world import world_of


def timelines(  # noqa: PLR0913 - one argument for each thing that may be wanted otherwise
    rules: Iterable[Mapping[str, Any]],
    *,
    promises: Iterable[Promise] = (),
    registry: Registry | None = None,
    directory: Directory | None = None,
    timezone: str = "UTC",
    max_size: int = 20,
    faults: Collection[str] = FAULTS,
) -> SearchStrategy[list[Step]]:
    """Return a strategy for histories of at most *max_size* steps and a last one in which time passes.

    Values come near the numbers that *rules* and *promises* compare with, waits near their durations, intervals and
    cooldowns; *faults* are what may go wrong (``FAULTS``). *registry* is what is installed when it is not given.

    >>> from hypothesis import given
    >>> from whenthen.model.step import instant_of
    >>> rule = {
    ...     "name": "Stuffy", "trigger": {"type": "sensor", "config": {"sensor": "co2"}},
    ...     "conditions": [{"type": "comparison", "config": {"sensor": "co2", "operator": ">", "value": 1000}}],
    ...     "actions": [{"type": "led", "config": {"color": "red"}}],
    ... }
    >>> @given(timelines([rule]))
    ... def test(steps):
    ...     instants = [instant_of(step) for step in steps]
    ...     assert instants == sorted(instants)
    >>> test()
    """
    world = world_of(rules, registry or load_registry(), promises, directory, timezone)
    choices = Choices(world, faults)
    entries = [
        st.lists(st.tuples(st.sampled_from(choices.waits_us(kind)), st.sampled_from(choices.moves(kind))),
                 min_size=1, max_size=max_size)
        for kind in choices.kinds
    ]  # fmt: skip
    rests = st.sampled_from(choices.waits_us(faults))
    return st.builds(told, st.sampled_from(choices.starts_us), st.one_of(entries), rests)

"""Observers are told of everything, and what they do wrong stays with them."""

from __future__ import annotations

from typing import Any

import pytest

from whenthen import Firing, Notice, Observer
from whenthen.extend.observers import tell
from whenthen.extend.registry import Registry

FIRING = Firing(7, "r1", "Warm", "dev-1", "fired", ())


class Remembers(Observer):
    type = "remembers"

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def observe(self, thing: Firing | Notice) -> None:
        self.seen.append(thing)


class Fails(Observer):
    type = "fails"
    error: BaseException = OSError("disk full")

    def observe(self, thing: Firing | Notice) -> None:
        raise self.error


class CannotBeMade(Remembers):
    type = "cannot_be_made"

    def __init__(self) -> None:
        raise ValueError("no address")


def registry(*kinds: type[Observer]) -> Registry:
    made = Registry()
    for kind in kinds:
        made.add("observer", kind.type, kind, "metrics")
    return made


def test_every_observer_is_told() -> None:
    watched = registry(Remembers)
    notice = Notice("rule_failed", 8, "no")

    assert tell(watched, FIRING) == tell(watched, notice) == []
    assert vars(watched.observer("remembers"))["seen"] == [FIRING, notice]


def test_one_that_fails_is_reported_with_its_plugin_and_the_others_are_told() -> None:
    watched = registry(Fails, Remembers)

    [notice] = tell(watched, FIRING)

    assert (notice.kind, notice.at_us) == ("observer_failed", 7)
    assert notice.message == "observer 'fails' of plugin metrics raised OSError: disk full"
    assert vars(watched.observer("remembers"))["seen"] == [FIRING]


def test_one_that_cannot_be_made_is_reported() -> None:
    [notice] = tell(registry(CannotBeMade), FIRING)

    assert notice.message == "observer 'cannot_be_made' of plugin metrics raised ValueError: no address"


def test_one_that_ends_the_program_only_ends_its_own_turn() -> None:
    class Leaves(Fails):
        error = SystemExit(1)

    assert len(tell(registry(Leaves), FIRING)) == 1


def test_the_users_interrupt_passes_through() -> None:
    class Interrupted(Fails):
        error = KeyboardInterrupt()

    with pytest.raises(KeyboardInterrupt):
        tell(registry(Interrupted), FIRING)

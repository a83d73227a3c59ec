"""A keeper with a worker that is played: strikes, new starts, quarantine, forgiveness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from whenthen import PluginError
from whenthen.errors import PluginDiedError, PluginQuarantinedError, PluginRaisedError, PluginTimeoutError
from whenthen.extend.condition import MissingReadingError
from whenthen.extend.isolation.keeper import FORGIVEN_AFTER, Keeper, Strikes
from whenthen.extend.isolation.limits import Limits
from whenthen.extend.isolation.process import Worker

Play = Callable[[Mapping[str, Any]], dict[str, Any]]


class Stage:
    """Starts workers that answer as *play* says, and notes what becomes of them."""

    def __init__(self, play: Play, strikes: int = 3) -> None:
        self.play = play
        self.started = self.ended = 0
        self.strikes = Strikes(strikes)
        self.keeper = Keeper("pkg", "p", Limits(), self.strikes, cast("Callable[[], Worker]", self.start))

    def start(self) -> Stage:
        self.started += 1
        return self

    def ask(self, question: Mapping[str, Any], _seconds: float, _serve: Any = None) -> dict[str, Any]:
        return {"ok": None} if question["do"] == "load" else self.play(question)

    def end(self) -> None:
        self.ended += 1


def raising(error: Exception) -> Play:
    def play(_question: Mapping[str, Any]) -> dict[str, Any]:
        raise error

    return play


def test_a_worker_is_started_with_the_first_question_and_kept() -> None:
    stage = Stage(lambda question: {"ok": question["do"]})

    assert [stage.keeper.ask({"do": "x"}), stage.keeper.ask({"do": "y"})] == ["x", "y"]
    assert (stage.started, stage.ended) == (1, 0)


def test_what_the_plugin_raises_is_no_strike() -> None:
    stage = Stage(lambda _: {"raised": "raised ValueError: no"})
    with pytest.raises(PluginRaisedError, match=r"raised ValueError: no"):
        stage.keeper.ask({"do": "x"})

    assert (stage.strikes.count, stage.started, stage.ended) == (0, 1, 0)


def test_a_missing_reading_is_told_as_such() -> None:
    with pytest.raises(MissingReadingError, match="co2"):
        Stage(lambda _: {"missing": "co2"}).keeper.ask({"do": "x"})


@pytest.mark.parametrize("error", [PluginTimeoutError("did not answer"), PluginDiedError("ended")], ids=repr)
def test_after_three_strikes_the_plugin_is_asked_no_more(error: PluginError) -> None:
    stage = Stage(raising(error))
    for strike in (1, 2, 3):
        with pytest.raises(type(error), match=rf"{error}; strike {strike} of 3"):
            stage.keeper.ask({"do": "x"})
    with pytest.raises(PluginQuarantinedError, match=rf"is quarantined after 3 strikes; at the last it {error}"):
        stage.keeper.ask({"do": "x"})

    assert (stage.started, stage.ended) == (3, 3)


def test_a_plugin_that_answers_for_long_is_forgiven() -> None:
    stage = Stage(raising(PluginDiedError("ended")))
    with pytest.raises(PluginDiedError):
        stage.keeper.ask({"do": "x"})
    stage.play = lambda _: {"ok": 1}
    for _ in range(FORGIVEN_AFTER - 1):
        stage.keeper.ask({"do": "x"})
    assert stage.strikes.count == 1
    stage.keeper.ask({"do": "x"})

    assert stage.strikes.count == 0


def test_a_question_from_within_an_answer_is_refused() -> None:
    stage = Stage(lambda _: {"ok": stage.keeper.ask({"do": "x"})})
    with pytest.raises(PluginError, match=r"was asked by a service that it was itself asking"):
        stage.keeper.ask({"do": "x"})


def test_an_interrupt_between_question_and_answer_ends_the_worker_without_a_strike() -> None:
    def play(_question: Mapping[str, Any]) -> dict[str, Any]:
        raise KeyboardInterrupt

    stage = Stage(play)
    with pytest.raises(KeyboardInterrupt):
        stage.keeper.ask({"do": "x"})

    assert (stage.strikes.count, stage.ended) == (0, 1)

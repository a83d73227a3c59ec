"""How the propositions of one promise went in a played history, subject by subject."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from whenthen.extend.condition import Truth
from whenthen.model.firing import Firing
from whenthen.model.step import Restart, Step, instant_of
from whenthen.proving.actuators import Change
from whenthen.proving.played import Played
from whenthen.proving.promises.probes import Probes
from whenthen.proving.promises.promise import Always, Promise, leaves_of
from whenthen.proving.promises.proposition import ChannelIs, Fired, Holds, Joined, Not, Proposition, is_set
from whenthen.proving.promises.track import Point, Track, changes, combined, either, every, opposite, runs
from whenthen.proving.promises.whereabouts import Whereabouts


def ids_of(rule: str, played: Played) -> set[str]:
    """Return the ids of the rules that an id or a name means."""
    return {str(document["id"]) for document in played.rules if rule in (document["id"], document["name"])}


class Course:
    """Answers when a proposition held, for each subject of the promise."""

    def __init__(self, promise: Promise, played: Played, probes: Probes) -> None:
        self._played = played
        self._where = Whereabouts(played.directory)
        self._leaves = list(leaves_of(promise))
        self._held = {leaf: probes.tracks(leaf) for leaf in self._leaves if isinstance(leaf, Holds)}
        self.start_us = instant_of(played.steps[0])
        self.end_us = max(map(_end_of, played.steps))
        # Nothing can be promised of a channel alone before anybody has set it; beside something else it is not set.
        alone = isinstance(promise, Always) and all(isinstance(leaf, ChannelIs) for leaf in self._leaves)
        self._unset: Truth = None if alone else False

    @cached_property
    def subjects(self) -> list[str]:
        """Return of whom the promise speaks: those of its conditions, else whose channels are set and who fires."""
        held = [subject for tracks in self._held.values() for subject in tracks]
        owners = [change.device for leaf in self._leaves if isinstance(leaf, ChannelIs) for change in self._set(leaf)]
        fired = [firing.subject for leaf in self._leaves if isinstance(leaf, Fired) for firing in self._fired(leaf)]
        return self._where.finest(held or owners + fired)

    def track(self, proposition: Proposition, subject: str) -> Track:
        """Return how a proposition went for a subject."""
        match proposition:
            case ChannelIs():
                return changes(self._channel(proposition, subject))
            case Fired():
                instants = dict.fromkeys(
                    firing.at_us for firing in self._fired(proposition) if self._where.concern(subject, firing.subject)
                )
                return [Point(self.start_us - 1, False, False), *(Point(at_us, True, False) for at_us in instants)]
            case Holds():
                return self._held[proposition].get(subject, ())
            case Not():
                return combined([self.track(proposition.part, subject)], opposite)
            case Joined():
                return combined([self.track(part, subject) for part in proposition.parts], _join(proposition))

    def beginnings(self, proposition: Proposition, subject: str) -> Iterator[int]:
        """Yield the instants at which a proposition begins to hold; a channel's even if it is gone at that instant."""
        if not isinstance(proposition, ChannelIs):
            yield from (run.start_us for run in runs(self.track(proposition, subject), self.end_us))
            return
        before: Truth = False
        for at_us, truth in self._channel(proposition, subject):
            if truth and not before:
                yield at_us
            before = truth

    def _channel(self, wanted: ChannelIs, subject: str) -> Iterator[tuple[int, Truth]]:
        """Yield what each setting makes of it: true while any of the subject's devices is set so."""
        yield self.start_us - 1, self._unset
        now: dict[str, bool] = {}
        for change in self._set(wanted):
            if wanted.device is not None or self._where.has(subject, change.device):
                now[change.device] = is_set(wanted.value, change.value)
                yield change.at_us, any(now.values())

    def _set(self, wanted: ChannelIs) -> Iterator[Change]:
        for change in self._played.actuators.changes(wanted.device, wanted.channel):
            if change.at_us <= self.end_us:
                yield change

    def _fired(self, wanted: Fired) -> Iterator[Firing]:
        rule_ids = ids_of(wanted.rule, self._played)
        for firing in self._played.firings:
            if firing.rule_id in rule_ids and firing.kind == "fired" and firing.counted:
                yield firing


def _join(joined: Joined) -> Callable[[Sequence[Truth]], Truth]:
    return every if joined.every else either


def _end_of(step: Step) -> int:
    return instant_of(step) + (step.down_us if isinstance(step, Restart) else 0)

"""Judges whether a played history keeps a promise, to the microsecond: exactly at a limit is kept, beyond it is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from whenthen.model.step import Restart
from whenthen.proving.offsets import told_span
from whenthen.proving.played import Played
from whenthen.proving.promises.course import Course, ids_of
from whenthen.proving.promises.probes import Probes
from whenthen.proving.promises.promise import Always, Apart, AtMost, Never, Promise, Whenever, leaves_of
from whenthen.proving.promises.proposition import Holds, Not
from whenthen.proving.promises.track import combined, every, runs
from whenthen.proving.promises.uptime import Uptime


@dataclass(frozen=True, slots=True)
class Breach:
    """A promise that a history breaks: *at_us* is the first instant at which that is certain, *since_us* what counts.

    *subject* is of whom (``""``: nobody in particular), *reason* a sentence without times.
    """

    promise: Promise
    at_us: int
    since_us: int
    subject: str
    reason: str


def broken(promise: Promise, played: Played, probes: Probes | None = None) -> Breach | None:
    """Return how a history breaks a promise first, or ``None`` when it keeps it.

    *probes*, when given, have judged the promise's conditions over the same steps.
    """
    return min(_breaches(promise, played, probes), key=lambda breach: (breach.at_us, breach.subject), default=None)


def first_broken(promises: Iterable[Promise], played: Played, probes: Probes | None = None) -> Breach | None:
    """Return how a history breaks the first of *promises* that it breaks, or ``None`` when it keeps them all."""
    found = (broken(promise, played, probes) for promise in promises)
    return next((breach for breach in found if breach is not None), None)


def conditions_of(promises: Iterable[Promise]) -> list[Holds]:
    """Return the conditions that *promises* speak of."""
    return [leaf for promise in promises for leaf in leaves_of(promise) if isinstance(leaf, Holds)]


def _breaches(promise: Promise, played: Played, probes: Probes | None) -> Iterator[Breach]:
    if not played.steps:
        return
    if isinstance(promise, AtMost):
        yield from _too_often(promise, played)
        return
    conditions = conditions_of([promise])
    if probes is None:
        probes = Probes(conditions, played.registry, played.directory, played.zone)
        for step in played.steps if conditions else ():
            probes.take(step)
    course = Course(promise, played, probes)
    up = Uptime(step for step in played.steps if isinstance(step, Restart))
    for subject in course.subjects:
        match promise:
            case Never():
                yield from _never(promise, course, subject, up)
            case Always():
                yield from _always(promise, course, subject)
            case Apart():
                yield from _apart(promise, course, subject)
            case Whenever():
                yield from _whenever(promise, course, subject, up)


def _never(promise: Never, course: Course, subject: str, up: Uptime) -> Iterator[Breach]:
    limit_us = promise.longer_than_us
    for run in runs(course.track(promise.what, subject), course.end_us):
        if limit_us is None:
            yield Breach(promise, run.start_us, run.start_us, subject, str(promise.what))
            return
        last_us = up.after(run.start_us, limit_us)
        if run.end_us > last_us:
            reason = f"{promise.what} for longer than {told_span(limit_us)}"
            yield Breach(promise, last_us + 1, run.start_us, subject, reason)
            return


def _always(promise: Always, course: Course, subject: str) -> Iterator[Breach]:
    for run in runs(course.track(Not(promise.what), subject), course.end_us):
        yield Breach(promise, run.start_us, run.start_us, subject, f"not: {promise.what}")
        return


def _apart(promise: Apart, course: Course, subject: str) -> Iterator[Breach]:
    first, second = promise.first, promise.second
    together = combined([course.track(first, subject), course.track(second, subject)], every)
    for run in runs(together, course.end_us):
        yield Breach(promise, run.start_us, run.start_us, subject, f"{first}, and {second} at once")
        break
    near = [
        (max(one_us, other_us), min(one_us, other_us))
        for one_us in course.beginnings(first, subject)
        for other_us in course.beginnings(second, subject)
        if abs(one_us - other_us) < promise.within_us
    ]
    if near:
        at_us, since_us = min(near)
        reason = f"{first}, and {second} nearer than {told_span(promise.within_us)}"
        yield Breach(promise, at_us, since_us, subject, reason)


def _whenever(promise: Whenever, course: Course, subject: str, up: Uptime) -> Iterator[Breach]:
    missing = list(runs(course.track(Not(promise.then), subject), course.end_us))
    for run in runs(course.track(promise.what, subject), course.end_us):
        for held in up.unbroken(run):
            owed_us = held.start_us + promise.for_us
            for gap in missing if held.covers(owed_us) else ():
                from_us = max(gap.start_us, owed_us)
                last_us = up.after(from_us, promise.within_us)
                if gap.covers(from_us) and held.covers(from_us) and gap.end_us > last_us:
                    reason = f"{promise.what}, but not: {promise.then}"
                    yield Breach(promise, last_us + 1, from_us, subject, reason)
                    return


def _too_often(promise: AtMost, played: Played) -> Iterator[Breach]:
    fired: dict[str, list[int]] = {}
    rule_ids = ids_of(promise.rule, played)
    for firing in played.firings:
        if firing.rule_id in rule_ids and firing.kind == "fired" and firing.counted:
            fired.setdefault(firing.subject, []).append(firing.at_us)
    for subject, instants in fired.items():
        for earlier_us, later_us in zip(instants, instants[promise.count :], strict=False):
            if later_us - earlier_us < promise.per_us:
                whose = promise.called or promise.rule
                reason = f"{promise.count + 1} firings of {whose} in less than {told_span(promise.per_us)}"
                yield Breach(promise, later_us, earlier_us, subject, reason)
                break

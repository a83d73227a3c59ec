"""What two sets of rules do differently with one history: firing by firing, as it goes, with little kept."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from whenthen.clock import SECOND_US
from whenthen.model.firing import Firing
from whenthen.model.step import RunByHand, Switch, instant_of
from whenthen.recorded.row import BadRow, Row
from whenthen.replay import Playing

Only = Literal["old", "new"]
Pair = tuple[Firing | None, Firing | None]
"""A firing of the old rules and the one of the new that answers to it; ``None`` where there is none."""

_FOREVER_US = 1 << 62


@dataclass(frozen=True, slots=True)
class Same:
    """A stretch of *count* firings that are in both and alike, the first at *from_us*, the last at *until_us*."""

    count: int
    from_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A firing that is only in one of the two, or in both but not alike.

    *changed* names what is not alike: ``at``, ``kind``, ``actions``.
    """

    old: Firing | None
    new: Firing | None
    changed: tuple[str, ...] = ()

    @property
    def only_in(self) -> Only | None:
        """In which of the two it is, ``None`` when in both."""
        return "new" if self.old is None else "old" if self.new is None else None

    @property
    def firing(self) -> Firing:
        """The firing: as the new rules have it, if they have it."""
        found = self.new or self.old
        if found is None:
            raise ValueError("a difference without a firing")
        return found


def matched(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Return by the id of an old rule that of the new rule which it became; both are given as names by id.

    One id is one rule; of the rest, one name is one rule if nobody else bears it; and one rule on each side is one
    that was edited, whatever it is called.

    >>> matched({"a": "Fan", "x1": "Heat"}, {"a": "Vent", "x2": "Heat", "b": "Cold"})
    {'a': 'a', 'x1': 'x2'}
    """
    found = {rule_id: rule_id for rule_id in old if rule_id in new}
    by_name = {name: rule_id for rule_id, name in new.items() if rule_id not in found}
    alone = Counter(name for rules in (old, new) for rule_id, name in rules.items() if rule_id not in found)
    for rule_id, name in old.items():
        if rule_id not in found and name in by_name and alone[name] == 2:
            found[rule_id] = by_name[name]
    if not found and len(old) == len(new) == 1:
        return dict(zip(old, new, strict=True))
    return found


def paired(old: Sequence[Firing], new: Sequence[Firing], twins: Mapping[str, str] | None = None) -> list[Pair]:
    """Return the firings of one instant in pairs: of one rule, subject and kind; then of one rule and subject.

    *twins* has by the id of an old rule the id of the new one, where they differ.
    """
    left_old, left_new = list(old), list(new)
    pairs: list[Pair] = []
    for with_kind in (True, False):
        waiting: dict[Any, deque[Firing]] = defaultdict(deque)
        for one in left_old:
            waiting[_key(one, twins or {}, with_kind=with_kind)].append(one)
        unmet = []
        for one in left_new:
            others = waiting[_key(one, {}, with_kind=with_kind)]
            if others:
                pairs.append((others.popleft(), one))
            else:
                unmet.append(one)
        left_new = unmet
        left_old = [one for others in waiting.values() for one in others]
    return [*pairs, *((one, None) for one in left_old), *((None, one) for one in left_new)]


def _key(firing: Firing, twins: Mapping[str, str], *, with_kind: bool) -> tuple[str, ...]:
    rule_id = twins.get(firing.rule_id, firing.rule_id)
    return (rule_id, firing.subject, firing.kind) if with_kind else (rule_id, firing.subject)


def unlike(old: Firing, new: Firing, twins: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return in what two firings differ, of ``at``, ``kind`` and ``actions``; nothing when they are alike."""
    found = [name for name in ("at", "kind") if getattr(old, name) != getattr(new, name)]
    if told_actions(old, twins) != told_actions(new):
        found.append("actions")
    return tuple(found)


def told_actions(firing: Firing, twins: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Return a firing's actions, JSON-ready, with ``after_seconds`` where one waits; winners go by their new id."""
    told = []
    for call in firing.actions:
        line = call.to_json()
        if call.superseded_by is not None:
            line["superseded_by"] = (twins or {}).get(call.superseded_by, call.superseded_by)
        if call.after_us:
            line["after_seconds"] = call.after_us / SECOND_US
        told.append(line)
    return told


@dataclass(slots=True)
class _Entry:
    """What will be told; while it has a *key*, a firing of the other side may still turn out to be this one, moved."""

    told: Same | Difference
    at_us: int
    key: tuple[str, ...] | None = None


@dataclass(slots=True)
class Comparison:
    """Takes the firings of both sides and tells the differences once they are settled.

    A firing that is only in one is the same one at another instant when the next of its rule, subject and kind that is
    only in the other comes at most *within_us* later. So nothing older than that is kept.
    """

    twins: Mapping[str, str]
    within_us: int
    _old: deque[Firing] = field(default_factory=deque)
    _new: deque[Firing] = field(default_factory=deque)
    _entries: deque[_Entry] = field(default_factory=deque)
    _waiting: dict[tuple[str, ...], _Entry] = field(default_factory=dict)

    def add(self, old: Iterable[Firing], new: Iterable[Firing]) -> None:
        """Take firings, those of each side in order."""
        self._old += old
        self._new += new

    def settled(self, before_us: int = _FOREVER_US) -> Iterator[Same | Difference]:
        """Yield what no firing at or after *before_us* can change any more, in order."""
        while (at_us := min((side[0].at_us for side in (self._old, self._new) if side), default=before_us)) < before_us:
            for pair in paired(_taken(self._old, at_us), _taken(self._new, at_us), self.twins):
                self._meet(*pair)
        while self._entries:
            entry = self._entries[0]
            if entry.key is not None and entry.at_us + self.within_us >= before_us:
                return
            if isinstance(entry.told, Same) and len(self._entries) == 1 and before_us < _FOREVER_US:
                return  # the stretch may go on
            if entry.key is not None:
                del self._waiting[entry.key]
            yield self._entries.popleft().told

    def _meet(self, old: Firing | None, new: Firing | None) -> None:
        firing = new or old
        if firing is None:
            return
        key = _key(firing, {} if new else self.twins, with_kind=True)
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            waiting.key = None
        if old is not None and new is not None:
            changed = unlike(old, new, self.twins)
            self._tell(Difference(old, new, changed) if changed else Same(1, new.at_us, new.at_us), new.at_us)
        elif waiting is None or not self._moved(waiting, old, new):
            entry = _Entry(Difference(old, new), firing.at_us, key)
            self._entries.append(entry)
            self._waiting[key] = entry

    def _moved(self, waiting: _Entry, old: Firing | None, new: Firing | None) -> bool:
        """Make one difference of a firing that waits and one of the other side, if they are near enough."""
        known = waiting.told
        if not isinstance(known, Difference):
            return False
        old, new = (known.old, new) if old is None else (old, known.new)
        if old is None or new is None or abs(old.at_us - new.at_us) > self.within_us:
            return False
        waiting.told = Difference(old, new, unlike(old, new, self.twins))
        return True

    def _tell(self, told: Same | Difference, at_us: int) -> None:
        last = self._entries[-1].told if self._entries else None
        if isinstance(told, Same) and isinstance(last, Same):
            self._entries[-1].told = Same(last.count + 1, last.from_us, told.until_us)
        else:
            self._entries.append(_Entry(told, at_us))


def _taken(side: deque[Firing], at_us: int) -> list[Firing]:
    found = []
    while side and side[0].at_us <= at_us:
        found.append(side.popleft())
    return found


def differences(
    old: Playing, new: Playing, rows: Iterable[Row], twins: Mapping[str, str], within_us: int
) -> Iterator[Same | Difference]:
    """Yield what two sets of rules do, alike and differently, as both take *rows*, in one pass.

    Memory stays flat: nothing is kept but the firings of the last *within_us* microseconds.
    """
    comparison = Comparison(twins, within_us)
    for_old = _named({new_id: old_id for old_id, new_id in twins.items()})
    for_new = _named(twins)
    now_us = 0
    for row in rows:
        comparison.add(old.take(for_old(row)), new.take(for_new(row)))
        if not isinstance(row, BadRow):
            now_us = max(now_us, instant_of(row))
        yield from comparison.settled(now_us)
    comparison.add(old.finish(), new.finish())
    yield from comparison.settled()


def _named(ids: Mapping[str, str]) -> Callable[[Row], Row]:
    """Return what lets a recorded run or switch mean the rule of this side, whichever id it was recorded with."""

    def named(row: Row) -> Row:
        return replace(row, rule_id=ids.get(row.rule_id, row.rule_id)) if isinstance(row, RunByHand | Switch) else row

    return named

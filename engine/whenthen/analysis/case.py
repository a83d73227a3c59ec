"""One way for conditions to have a truth: what each sensor must be, was before, for how long, and when in the week."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice, product

from whenthen.analysis.region import Domain, Key, Span, box_within, meet_boxes, meet_spans, possible
from whenthen.dsl.expression import Expression

MOST_CASES = 96
"""A condition with more ways than this is looked at as one that may be anything."""


@dataclass(frozen=True, slots=True)
class Move:
    """A sensor that must move by so much between the values before and now."""

    key: Key
    by: float
    direction: str
    within_us: int


@dataclass(frozen=True, slots=True)
class Term:
    """Arithmetic over sensors that must come out as *truth*; *names* tells which sensor each name is."""

    expression: Expression
    names: tuple[tuple[str, Key], ...]
    truth: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One way; never narrower than the truth: what it leaves out is impossible.

    *box*: what each sensor must be now. *before*: what it must have been before that (hysteresis, changes). *week*:
    when in the week, as microseconds after its start; ``None``: at any time. *hold_us*: for how long it must be so,
    *under_us*: for how long at most. *unsure*: parts that declare nothing, so that it may not be a way after all.
    """

    box: Mapping[Key, Domain] = field(default_factory=dict)
    before: Mapping[Key, Domain] = field(default_factory=dict)
    moves: tuple[Move, ...] = ()
    week: tuple[Span, ...] | None = None
    hold_us: int = 0
    under_us: int | None = None
    terms: tuple[Term, ...] = ()
    unsure: frozenset[str] = frozenset()

    @property
    def possible(self) -> bool:
        """Tell whether intervals leave a way."""
        return self.week != () and possible(self.box)

    @property
    def plain(self) -> bool:
        """Tell whether the box and the week say all about it."""
        return not (self.before or self.moves or self.hold_us or self.under_us or self.terms or self.unsure)

    @property
    def keys(self) -> set[Key]:
        """Every sensor that it speaks of."""
        found = {*self.box, *self.before, *(move.key for move in self.moves)}
        return found | {key for term in self.terms for _, key in term.names}

    def meet(self, other: Case) -> Case:
        """Return both at once."""
        if other is ALWAYS or self is ALWAYS:
            return self if other is ALWAYS else other
        before = meet_boxes(self.before, other.before)
        unsure = self.unsure | other.unsure
        if not possible(before):
            # Two memories that want different pasts: they may be had one after the other, which is not looked at.
            before, unsure = dict(self.before), unsure | {"what sensors were before"}
        weeks = [week for week in (self.week, other.week) if week is not None]
        unders = [under for under in (self.under_us, other.under_us) if under is not None]
        return Case(
            meet_boxes(self.box, other.box),
            before,
            self.moves + other.moves,
            None if not weeks else weeks[0] if len(weeks) == 1 else meet_spans(*weeks),
            max(self.hold_us, other.hold_us),
            min(unders, default=None),
            self.terms + other.terms,
            unsure,
        )

    def held(self, duration_us: int) -> Case:
        """Return the way in which this has lasted for so long."""
        week = self.week
        if week is not None:
            kept = [Span(span.low + duration_us, span.high) for span in week if span.low + duration_us <= span.high]
            week = tuple(kept)
        return replace(self, hold_us=self.hold_us + duration_us, week=week)

    def placed(self, device: str) -> Case:
        """Return the same where the subject's own sensors are those of *device*, and it alone is what is joined."""

        def at(key: Key) -> Key:
            return (device if key[0] is None else key[0], key[1], None)

        return replace(
            self,
            box=_placed(self.box, at),
            before=_placed(self.before, at),
            moves=tuple(replace(move, key=at(move.key)) for move in self.moves),
            terms=tuple(replace(term, names=tuple((name, at(key)) for name, key in term.names)) for term in self.terms),
        )

    def within(self, other: Case) -> bool:
        """Tell whether this is certainly a case of *other*; ``False`` also when nobody can tell."""
        if not (other.plain and not self.terms):
            return False
        if other.week is not None and (self.week is None or meet_spans(self.week, other.week) != self.week):
            return False
        return box_within(self.box, other.box)


ALWAYS = Case()
"""The way that asks for nothing."""


def _placed(box: Mapping[Key, Domain], at: Callable[[Key], Key]) -> dict[Key, Domain]:
    placed: dict[Key, Domain] = {}
    for key, domain in box.items():
        where = at(key)
        placed[where] = domain if where not in placed else placed[where].meet(domain)
    return placed


def together(parts: Iterable[tuple[Case, ...]]) -> tuple[Case, ...]:
    """Return the ways in which each of the parts has one of its ways; impossible ones are left out."""
    ways: tuple[Case, ...] = (ALWAYS,)
    for part in parts:
        met = (one.meet(other) for one, other in product(ways, part))
        found = tuple(islice((way for way in met if way.possible), MOST_CASES + 1))
        ways = found if len(found) <= MOST_CASES else (_hull(found),)
    return ways


def either(parts: Iterable[tuple[Case, ...]]) -> tuple[Case, ...]:
    """Return the ways of all parts."""
    found = tuple(islice(_all(parts), MOST_CASES + 1))
    return found if len(found) <= MOST_CASES else (_hull(found),)


def _all(parts: Iterable[tuple[Case, ...]]) -> Iterator[Case]:
    for part in parts:
        yield from part


def _hull(_ways: tuple[Case, ...]) -> Case:
    return Case(unsure=frozenset({"more branches than are looked at"}))

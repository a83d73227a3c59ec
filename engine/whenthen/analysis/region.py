"""Sets of values that a sensor may have: intervals of numbers, texts and truths, met, compared and sampled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf, isinf, nextafter

from whenthen.model.reading import Scalar

Key = tuple[str | None, str, str | None]
"""A sensor that is read: its device (``None``: the subject's own), its name, and how several are joined, if so."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """An interval of doubles, both ends included; an open end is the double beside it.

    >>> Span(20.0, 25.0).meet(Span(22.0, inf))
    Span(low=22.0, high=25.0)
    """

    low: float
    high: float

    def meet(self, other: Span) -> Span | None:
        """Return what both hold, ``None`` when that is nothing."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Span(low, high) if low <= high else None


@dataclass(frozen=True, slots=True)
class Texts:
    """Some texts, or with *but* all texts but these.

    >>> Texts(frozenset({"dry"})).meet(Texts(frozenset({"wet"}), but=True))
    Texts(names=frozenset({'dry'}), but=False)
    """

    names: frozenset[str] = frozenset()
    but: bool = False

    def meet(self, other: Texts) -> Texts:
        """Return what both hold."""
        if self.but and other.but:
            return Texts(self.names | other.names, but=True)
        if self.but:
            return Texts(other.names - self.names)
        return Texts(self.names - other.names if other.but else self.names & other.names)

    def within(self, other: Texts) -> bool:
        """Tell whether *other* holds all of it."""
        return self.meet(other) == self

    def __bool__(self) -> bool:
        return self.but or bool(self.names)


@dataclass(frozen=True, slots=True)
class Domain:
    """Values that a sensor may have, of each kind apart: kinds do not compare (ruling 22).

    >>> Domain.numbers(">", 30).meet(Domain.numbers("<=", 20)).empty
    True
    """

    spans: tuple[Span, ...] = ()
    texts: Texts = Texts()
    truths: frozenset[bool] = frozenset()

    @classmethod
    def numbers(cls, operator: str, limit: float) -> Domain:
        """Return the numbers that compare so with *limit*."""
        below, above = nextafter(limit, -inf), nextafter(limit, inf)
        spans = {
            ">": (Span(above, inf),),
            ">=": (Span(limit, inf),),
            "<": (Span(-inf, below),),
            "<=": (Span(-inf, limit),),
            "==": (Span(limit, limit),),
            "!=": (Span(-inf, below), Span(above, inf)),
        }
        return cls(spans[operator])

    @classmethod
    def equals(cls, value: Scalar, *, wanted: bool = True) -> Domain:
        """Return the values of the same kind that equal *value*, or that do not.

        >>> Domain.equals(True, wanted=False).truths
        frozenset({False})
        """
        if isinstance(value, bool):
            return cls(truths=frozenset({value is wanted}))
        if isinstance(value, str):
            return cls(texts=Texts(frozenset({value}), but=not wanted))
        return cls.numbers("==" if wanted else "!=", value)

    @property
    def empty(self) -> bool:
        """Tell whether no value is left."""
        return not self.spans and not self.texts and not self.truths

    def meet(self, other: Domain) -> Domain:
        """Return what both hold."""
        if self is other:
            return self
        return Domain(meet_spans(self.spans, other.spans), self.texts.meet(other.texts), self.truths & other.truths)

    def within(self, other: Domain) -> bool:
        """Tell whether *other* holds all of it."""
        return (
            meet_spans(self.spans, other.spans) == self.spans
            and self.texts.within(other.texts)
            and self.truths <= other.truths
        )

    def holds(self, value: Scalar) -> bool:
        """Tell whether a value is in it."""
        return not self.meet(Domain.equals(value)).empty

    def sample(self) -> Scalar:
        """Return a value in it, a round one where there is room; raises ``ValueError`` when it is empty."""
        return next(self.samples())

    def samples(self) -> Iterator[Scalar]:
        """Yield a few values in it: of each interval one inside and those near its ends, texts, truths."""
        for span in self.spans:
            yield _inside(span)
        for span in self.spans:
            yield from (end for end in (span.low, span.high) if not isinf(end))
        yield from sorted(self.truths)
        if self.texts.but:
            yield next(name for name in _fresh_names() if name not in self.texts.names)
        else:
            yield from sorted(self.texts.names)
        if self.empty:
            raise ValueError("there is no value in an empty set")

    def outside(self) -> Iterator[Scalar]:
        """Yield a few values of the same kinds that are not in it."""
        ends = sorted({end for span in self.spans for end in (span.low, span.high) if not isinf(end)})
        near = (end + step for end in ends for step in (-1.0, 1.0))
        words = (name for name in sorted(self.texts.names) if self.texts.but)
        fresh = (next(name for name in _fresh_names() if name not in self.texts.names) for _ in self.texts.names)
        truths = (truth for truth in (True, False) if self.truths)
        candidates: tuple[Scalar, ...] = (*near, *words, *fresh, *truths)
        yield from (value for value in candidates if not self.holds(value))

    def describe(self) -> str:
        """Return for example ``above 30`` or ``"dry"``."""
        texts = [f"not {name!r}" if self.texts.but else repr(name) for name in sorted(self.texts.names)]
        parts = [_told(span) for span in self.spans] + texts + [str(truth).lower() for truth in sorted(self.truths)]
        return " or ".join(parts) or "nothing"


ANY = Domain((Span(-inf, inf),), Texts(but=True), frozenset({True, False}))
"""Every value."""

NUMBERS = Domain((Span(-inf, inf),))
"""Every number."""


def meet_spans(ours: tuple[Span, ...], theirs: tuple[Span, ...]) -> tuple[Span, ...]:
    """Return what two sorted unions of intervals both hold."""
    if len(ours) == 1 and len(theirs) == 1:
        found = ours[0].meet(theirs[0])
        return () if found is None else (found,)
    return tuple(found for one in ours for other in theirs if (found := one.meet(other)) is not None)


def meet_boxes(*boxes: Mapping[Key, Domain]) -> dict[Key, Domain]:
    """Return the boxes' meet: by sensor, what all that speak of it allow; an empty set says that there is no meet.

    >>> co2 = (None, "co2", None)
    >>> meet_boxes({co2: Domain.numbers(">", 5)}, {co2: Domain.numbers("<=", 5)})[co2].empty
    True
    """
    met: dict[Key, Domain] = {}
    for box in boxes:
        for key, domain in box.items():
            known = met.get(key)
            met[key] = domain if known is None else known.meet(domain)
    return met


def possible(box: Mapping[Key, Domain]) -> bool:
    """Tell whether every sensor has a value left."""
    return not any(domain.empty for domain in box.values())


def boxes_touch(one: Mapping[Key, Domain], other: Mapping[Key, Domain]) -> bool:
    """Tell whether every sensor of which both speak has a value for both."""
    small, large = (one, other) if len(one) < len(other) else (other, one)
    return not any(key in large and domain.meet(large[key]).empty for key, domain in small.items())


def box_within(inner: Mapping[Key, Domain], outer: Mapping[Key, Domain]) -> bool:
    """Tell whether each point of *inner* lies in *outer*."""
    return all(inner.get(key, ANY).within(domain) for key, domain in outer.items())


def joined(spans: Iterable[tuple[float, float]]) -> tuple[Span, ...]:
    """Return sorted spans of whole numbers, neighbours made one."""
    made: list[Span] = []
    for low, high in sorted(spans):
        if made and low <= made[-1].high + 1:
            made[-1] = Span(made[-1].low, max(high, made[-1].high))
        else:
            made.append(Span(low, high))
    return tuple(made)


def _inside(span: Span) -> float:
    """Return a number within, the roundest that lies there."""
    if isinf(span.low) and isinf(span.high):
        return 0.0
    if isinf(span.high):
        wanted = span.low + max(1.0, abs(span.low) * 0.1)
    elif isinf(span.low):
        wanted = span.high - max(1.0, abs(span.high) * 0.1)
    else:
        wanted = span.low + (span.high - span.low) / 2
    rounded = (float(round(wanted, digits)) for digits in range(9))
    return next((number for number in rounded if span.low <= number <= span.high), wanted)


def _fresh_names() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"other-{number}"


def _told(span: Span) -> str:
    low, high = _shown(span.low), _shown(span.high)
    if span.low == span.high:
        return low
    if isinf(span.low):
        return "any number" if isinf(span.high) else f"at most {high}"
    return f"at least {low}" if isinf(span.high) else f"{low} to {high}"


def _shown(number: float) -> str:
    return f"{number:.6g}"

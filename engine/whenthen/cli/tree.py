"""An explanation as people read it: the tree of conditions with its values, and what else keeps a rule from firing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from whenthen.cli.lines import one_line

_SIGNS = {True: "✓", False: "✗", None: "?"}
_WHOLE = {True: "holds", False: "does not hold", None: "cannot be known"}
_BLOCKED = {
    "disabled": "it is switched off",
    "not_valid_yet": "it is not valid yet",
    "expired": "it is not valid any more",
    "max_executions": "it has fired as often as it may",
    "cooldown": "it fired a short while ago (cooldown)",
    "not_armed": "it has fired already, and its conditions were not false since (fire: edge)",
    "paused": "all rules are held back (automation.enabled)",
    "no_subject": "the rule has no such subject",
}
_FIRST = "  ◀ the first that fails"

Document = Mapping[str, Any]


def tree_lines(document: Document, zone: tzinfo, *, everybody: bool) -> Iterator[str]:
    """Yield the lines of an answer: each subject with its tree, and at the end what cannot be known.

    When *everybody* was asked for, those left out are counted.
    """
    for one in document["explanations"]:
        yield from _subject_lines(one, zone, document["at"])
        yield ""
    left = document["subjects"] - len(document["explanations"])
    if everybody and left > 0:
        yield f"… and {left:,} more subjects; name one with --subject"
    how = document["how"]
    if "ends" in how:
        yield f"the recording ends at {_when(how['ends'], zone)}, before the instant that is asked for"
    yield from (f"not known: {one_line(text)}" for text in how.get("not_known", ()))
    if not how.get("complete", True):
        yield "not complete: there was more to look at than is looked at"


def _subject_lines(told: Document, zone: tzinfo, at: str) -> Iterator[str]:
    yield one_line(f"{told['rule']} · {told['subject']} · {_when(told.get('at', at), zone)}")
    truth = told["truth"]
    yield f"{_SIGNS[truth]} {'no conditions: it holds' if truth and not told['conditions'] else _WHOLE[truth]}"
    yield from _conditions(told["conditions"], told.get("first_failed"), zone, "  ")
    for name, value in told.get("variables", {}).items():
        yield one_line(f"  {name} = {_value(value)}")
    yield from _standing(told, zone)


def _standing(told: Document, zone: tzinfo) -> Iterator[str]:
    blocked, last, first = (told.get(name) for name in ("blocked", "last_fired", "can_fire_from"))
    if told.get("kind"):
        yield f"it {told['kind']} at this very instant"
    if blocked is not None:
        yield f"blocked: {_BLOCKED.get(blocked, blocked)}"
    yield f"last fired: {'never, as far as is known' if last is None else _when(last, zone)}"
    if first is not None and blocked is not None:
        yield f"can fire again from: {_when(first, zone)}"


def _conditions(conditions: Sequence[Document], failed: str | None, zone: tzinfo, indent: str) -> Iterator[str]:
    for one in conditions:
        beside = [_reading(reading) for reading in one.get("readings", ())]
        beside += [f"{name.replace('_', ' ')} {_recalled(kept, zone)}" for name, kept in one.get("memory", {}).items()]
        if "due" in one:
            beside.append(f"may change by itself at {_when(one['due'], zone)}")
        if "failed" in one:
            beside.append(one["failed"])
        text = f"{indent}{_SIGNS[one['truth']]} {one['describe']}{': ' * bool(beside)}{'; '.join(beside)}"
        yield one_line(text).replace(one_line(indent), indent, 1) + _FIRST * (one["path"] == failed)
        yield from _conditions(one.get("conditions", ()), failed, zone, f"{indent}  ")


def _reading(told: Document) -> str:
    if "variable" in told:
        return f"{told['variable']} = {_value(told['value'])}"
    name = f"{told['sensor']} of {told['device']}"
    if "at" not in told:
        return f"{name} was never heard"
    return f"{name} = {_value(told['value'])}, {_age(told['age_seconds'])} old"


def _recalled(value: Any, zone: tzinfo) -> str:
    """Return a part of what a condition remembers, instants in the zone."""
    if isinstance(value, Mapping):
        return " ".join(f"{name} {_recalled(inner, zone)}" for name, inner in value.items())
    try:
        is_instant = datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        is_instant = False
    return _when(value, zone) if is_instant else _value(value)


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    return "unknown" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _age(seconds: float) -> str:
    """Return an age as people say it.

    >>> _age(0.25), _age(90), _age(7_200), _age(200_000)
    ('0.25 s', '90 s', '120 min', '55.6 h')
    """
    if seconds < 120:
        return f"{seconds:g} s"
    return f"{seconds / 60:.0f} min" if seconds < 3 * 3_600 else f"{seconds / 3_600:.1f} h"


def _when(text: str, zone: tzinfo) -> str:
    local = datetime.fromisoformat(text).astimezone(zone)
    return local.strftime("%Y-%m-%d %H:%M:%S") + (f".{local.microsecond:06}".rstrip("0") if local.microsecond else "")

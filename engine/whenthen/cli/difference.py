"""``whenthen replay --diff``: what an edited rule, or set of rules, would have done differently."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Any

from whenthen.cli.lines import Columns, actions_text, one_line
from whenthen.cli.output import Output, write_json_lines
from whenthen.cli.rulefiles import CheckedRule, into_engine
from whenthen.cli.summary import Complaints, rows_line
from whenthen.clock import from_us, seconds_us
from whenthen.model.firing import Notice
from whenthen.proving.difference import Difference, Same, differences, matched, told_actions
from whenthen.recorded import Recording
from whenthen.recorded.written import firing_line
from whenthen.replay import Playing, Tally, begin
from whenthen.stage import Stage

_MARKS = {"old": "- ", "new": "+ ", None: "~ "}
_WHEN = "%Y-%m-%d %H:%M:%S"

Told = Same | Difference
MakeStage = Callable[[], Stage]


@dataclass(slots=True)
class Counts:
    """How many firings are the same in both, and how many are not, as a whole and by the rule's name."""

    same: int = 0
    of: Counter[str] = field(default_factory=Counter)
    by_rule: dict[str, Counter[str]] = field(default_factory=dict)

    def count(self, told: Iterable[Told]) -> Iterator[Told]:
        """Pass on what is told, counted."""
        for one in told:
            if isinstance(one, Same):
                self.same += one.count
            else:
                fate = f"only_in_{one.only_in}" if one.only_in else "changed"
                self.of[fate] += 1
                self.by_rule.setdefault(one.firing.rule, Counter())[fate] += 1
            yield one

    def to_json(self) -> dict[str, int]:
        """Return the counts as the last line of ``--json`` has them."""
        return {"same": self.same, **{fate: self.of[fate] for fate in ("only_in_old", "only_in_new", "changed")}}

    def lines(self) -> Iterator[str]:
        """Yield the counts as people read them."""
        yield ", ".join([f"{self.same:,} the same", *_fates(self.of)])
        for name, counts in sorted(self.by_rule.items(), key=lambda item: (-item[1].total(), item[0])):
            yield f"{counts.total():>9,}  {one_line(name)}: {', '.join(_fates(counts, silent=False))}"


def _fates(counts: Mapping[str, int], *, silent: bool = True) -> Iterator[str]:
    for fate, text in (("only_in_old", "only in OLD"), ("only_in_new", "only in NEW"), ("changed", "changed")):
        if counts[fate] or silent:
            yield f"{counts[fate]:,} {text}"


@dataclass(frozen=True, slots=True)
class Sides:
    """The rules of both sides, read: names by id, what is wrong, and which old rule became which new one."""

    old: Mapping[str, str]
    new: Mapping[str, str]
    problems: tuple[str, ...]

    @property
    def twins(self) -> dict[str, str]:
        """By the id of an old rule that of the new one."""
        return matched(self.old, self.new)

    @property
    def names(self) -> dict[str, str]:
        """Every rule's name by its id."""
        return {**self.old, **self.new}

    def lines(self) -> Iterator[str]:
        """Yield the rules that only one side has."""
        twins = self.twins
        met = set(twins.values())
        yield from (f"only OLD has the rule {one_line(name)}" for key, name in self.old.items() if key not in twins)
        yield from (f"only NEW has the rule {one_line(name)}" for key, name in self.new.items() if key not in met)


def tell_difference(  # noqa: PLR0913 - what is compared, over what, and how it is told
    make_stage: MakeStage,
    paths: tuple[Path, Path],
    recording: Recording,
    *,
    label: str,
    zone: tzinfo,
    within_seconds: float,
    as_json: bool,
) -> int:
    """Tell the differences between the rules of two paths over a recording; return the exit code."""
    output = Output(beside_json=as_json)
    complaints = Complaints(output.complain, zone)
    old_stage, new_stage = make_stage(), make_stage()
    rows = begin(new_stage, begin(old_stage, output.followed(recording, label=label)))
    sides = _read(old_stage, new_stage, paths)
    for line in sides.problems:
        output.complain(line)
    tally = Tally()
    old = Playing(old_stage, Tally(), on_notice=_of_rules(complaints.notice))
    new = Playing(new_stage, tally, on_bad_row=complaints.bad_row, on_notice=complaints.notice)
    counts = Counts()
    told = counts.count(differences(old, new, rows, sides.twins, seconds_us(within_seconds)))
    if as_json:
        write_json_lines(_json_lines(told, sides.twins, zone))
        write_json_lines([json.dumps({"summary": counts.to_json()})])
    else:
        _table(output, told, sides.names, zone)
    output.lines(complaints.left_out())
    output.lines([rows_line(tally, zone), *sides.lines(), *counts.lines()])
    bad = tally.unreadable or tally.values["refused"] or sides.problems or counts.of or any(sides.lines())
    return 1 if bad else 0


def _of_rules(tell: Callable[[Notice], None]) -> Callable[[Notice], None]:
    """Pass on what is about a rule: of the readings, the other side tells."""

    def told(notice: Notice) -> None:
        if notice.rule_id is not None:
            tell(notice)

    return told


def _read(old: Stage, new: Stage, paths: tuple[Path, Path]) -> Sides:
    was, now = (into_engine(stage.engine, [path]) for stage, path in zip((old, new), paths, strict=True))
    bad = tuple(_problems(rule) for rule in (*was, *now) if not rule.good)
    return Sides(_names(was), _names(now), bad)


def _names(checked: Iterable[CheckedRule]) -> dict[str, str]:
    return {rule.id: rule.name for rule in checked if rule.good}


def _problems(rule: CheckedRule) -> str:
    return "\n".join(rule.lines())


def _json_lines(told: Iterable[Told], twins: Mapping[str, str], zone: tzinfo) -> Iterator[str]:
    for one in told:
        if isinstance(one, Difference):
            yield json.dumps(difference_line(one, twins, zone), ensure_ascii=False)


def difference_line(one: Difference, twins: Mapping[str, str], zone: tzinfo) -> dict[str, Any]:
    """Return a difference JSON-ready: the firing, with ``only_in``, or with ``changed``: what was otherwise in OLD."""
    line = {**firing_line(one.firing, zone), "actions": told_actions(one.firing)}
    if one.old is None or one.new is None:
        return {**line, "only_in": one.only_in}
    was = {**firing_line(one.old, zone), "actions": told_actions(one.old, twins)}
    return {**line, "changed": {name: was[name] for name in one.changed}}


def _table(output: Output, told: Iterable[Told], names: Mapping[str, str], zone: tzinfo) -> None:
    columns = Columns(names, zone)

    def header() -> tuple[str, ...]:
        when, *others = columns.header()
        return (f"  {when}", *others)

    output.table((_row(one, columns, names, zone) for one in told), header)


def _row(one: Told, columns: Columns, names: Mapping[str, str], zone: tzinfo) -> tuple[str, ...]:
    if isinstance(one, Same):
        span = [from_us(us).astimezone(zone).strftime(_WHEN) for us in (one.from_us, one.until_us)]
        return (f"  {' to '.join(dict.fromkeys(span))}: {one.count:,} the same", "", "", "", "")
    when, *others, actions = columns.row(one.firing)
    if one.old is not None and one.changed:
        actions = f"{actions} (in OLD {', '.join(_was(one, names, zone))})"
    return (f"{_MARKS[one.only_in]}{when}", *others, actions)


def _was(one: Difference, names: Mapping[str, str], zone: tzinfo) -> Iterator[str]:
    old = one.old
    if old is None:
        return
    if "at" in one.changed:
        yield f"at {old.at.astimezone(zone).strftime(_WHEN)}"
    if "kind" in one.changed:
        yield old.kind
    if "actions" in one.changed and one.new is not None:
        # What stayed as it is stands beside this already.
        otherwise = tuple(call for call in old.actions if call not in one.new.actions)
        yield actions_text(otherwise, names) or "fewer actions"

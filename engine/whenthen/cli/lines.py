"""Firings as lines of text: one each, whatever is in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from rich.cells import cell_len, set_cell_size

from whenthen.model.firing import ActionCall, Firing
from whenthen.recorded.written import firing_line

_WIDEST_RULE = 32
_LONGEST_VALUE = 40
"""Objects and lists are cut there; ``--json`` has them whole."""
_KINDS = ("fired", "cleared")
_SAYS = {"log": "message", "notify": "message", "sms": "message", "device_command": "command", "custom": "function"}
"""Config keys that say by themselves what an action does; they come first and without their name."""


def one_line(text: str) -> str:
    r"""Return *text* without anything that could break a line or move a terminal's cursor.

    >>> one_line("high\nCO2 \x1b[2J")
    'high CO2 \ufffd[2J'
    """
    if text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    return character if character.isprintable() else "\ufffd"


def firing_json(firing: Firing, zone: tzinfo) -> str:
    """Return a firing as one line of JSON, its instant with the offset of *zone*."""
    return json.dumps(firing_line(firing, zone), ensure_ascii=False)


class Columns:
    """Lays firings out in columns that grow with what comes, so that nothing need be kept."""

    def __init__(self, names: Mapping[str, str], zone: tzinfo) -> None:
        """Take the *names* of the rules by their ids."""
        self._names = names
        self._zone = zone
        self._rule = min(max([len("rule"), *(cell_len(one_line(name)) for name in names.values())]), _WIDEST_RULE)
        self._subject = len("subject")

    def header(self) -> tuple[str, ...]:
        """Return the names of the columns, padded."""
        return self._pad("when", "rule", "subject", "kind", "actions")

    def row(self, firing: Firing) -> tuple[str, ...]:
        """Return the cells of one firing, padded."""
        when = firing.at.astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S")
        subject = one_line(firing.subject)
        self._subject = max(self._subject, min(cell_len(subject), _WIDEST_RULE))
        return self._pad(when, one_line(firing.rule), subject, firing.kind, actions_text(firing.actions, self._names))

    def _pad(self, when: str, rule: str, subject: str, kind: str, actions: str) -> tuple[str, ...]:
        widest_kind = max(map(len, _KINDS))
        return (
            when.ljust(19),
            set_cell_size(_shortened(rule, self._rule), self._rule),
            set_cell_size(_shortened(subject, self._subject), self._subject),
            kind.ljust(widest_kind),
            actions,
        )


def _shortened(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def actions_text(actions: tuple[ActionCall, ...], names: Mapping[str, str]) -> str:
    """Return the actions of a firing as a person reads them, those that do not run with the reason.

    >>> actions_text((ActionCall("led", {"color": "red"}, "idempotent", superseded_by="7"),), {"7": "Fire alarm"})
    '(led color=red: superseded by Fire alarm)'
    """
    return " · ".join(_action_text(action, names) for action in actions)


def _action_text(action: ActionCall, names: Mapping[str, str]) -> str:
    text = " ".join([action.type, *_config_texts(action)])
    if (winner := action.superseded_by) is not None:
        return f"({one_line(text)}: superseded by {one_line(names.get(winner, winner))})"
    if action.skipped is not None:
        return f"({one_line(text)}: skipped, {one_line(action.skipped)})"
    if action.failed is not None:
        return f"({one_line(text)}: failed, {one_line(action.failed)})"
    return one_line(text)


def _config_texts(action: ActionCall) -> list[str]:
    config: Mapping[str, Any] = action.config
    said = _SAYS.get(action.type, "")
    texts = [_value_text(config[said])] if said in config else []
    return texts + [f"{name}={_value_text(value)}" for name, value in config.items() if name != said]


def _value_text(value: Any) -> str:
    if not isinstance(value, str):
        return _cut(json.dumps(value, ensure_ascii=False))
    bare = value and not any(map(str.isspace, value))
    return value if bare else f'"{value}"'


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"

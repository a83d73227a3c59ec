"""One point as a line of InfluxDB's line protocol, whatever is in its texts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from whenthen import to_us

Value = float | int | bool | str | None

LONGEST = 64_000
"""Bytes of a line."""


def line_of(measurement: str, tags: Mapping[str, Value], fields: Mapping[str, Value], at: datetime) -> str | None:
    r"""Return the line, without its end; ``None`` when no field has a value; ``ValueError`` when it cannot be one.

    Every number is written as a float: a sensor that sends 20 and then 20.5 would otherwise change its field's type,
    which InfluxDB refuses. Tags without a value are left out, and line breaks become spaces, since the protocol has
    no way to write either.

    >>> from datetime import UTC
    >>> line_of("climate", {"room": "room 7"}, {"co2": 900, "mode": 'say "hi"'}, datetime(2026, 3, 2, tzinfo=UTC))
    'climate,room=room\\ 7 co2=900.0,mode="say \\"hi\\"" 1772409600000000000'
    """
    written = [f"{_name(key)}={_field(value)}" for key, value in sorted(fields.items()) if value is not None]
    if not written:
        return None
    labels = {key: _safe(_text(value)) for key, value in sorted(tags.items()) if value is not None}
    head = [_name(measurement, ", "), *(f"{_name(key)}={value}" for key, value in labels.items() if value)]
    if head[0].startswith("#"):
        raise ValueError("a line that begins with # is a comment")
    line = f"{','.join(head)} {','.join(written)} {to_us(at) * 1000}"
    if len(line.encode()) > LONGEST:
        raise ValueError(f"a line has at most {LONGEST} bytes")
    return line


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flat(text: str) -> str:
    """Return *text* in one line, and of characters that UTF-8 has."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(character if character.isprintable() else " " for character in whole)


def _safe(text: str, specials: str = ",= ") -> str:
    # A backslash before a comma that ends the name would hide that comma.
    flat = _flat(text).strip().rstrip("\\")
    return "".join(f"\\{character}" if character in specials else character for character in flat)


def _name(text: str, specials: str = ",= ") -> str:
    name = _safe(text, specials)
    if not name:
        raise ValueError("a measurement, a tag and a field need a name")
    return name


def _field(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        number = float(value)
        if number - number != 0.0:
            raise ValueError(f"{value} is not a number that can be written")
        return repr(number)
    text = _flat(str(value)).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'

"""One call, one line: whatever could begin another line, or act on the terminal that shows it, is escaped."""

from __future__ import annotations

LONGEST = 16_000


def one_line(text: str) -> str:
    r"""Return *text* with every character that does not print escaped, at most 16,000 characters; a tab stays.

    >>> one_line("21 °C\r\nERROR forged \x1b[31m")
    '21 °C\\r\\nERROR forged \\x1b[31m'
    """
    cut = text[:LONGEST]
    if not cut.isprintable():
        cut = "".join(sign if sign.isprintable() or sign == "\t" else _escaped(sign) for sign in cut)
    return cut if len(text) <= LONGEST else f"{cut}…"


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")

"""Pages of a list, newest first: each begins where the one before it ended, whatever has come meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Column, Connection, RowMapping, Select, literal, tuple_

Thing = TypeVar("Thing")
Place = tuple[int, str]
"""Where a page ended: the instant and the id of its last thing."""


def page(  # noqa: PLR0913 - the list, its order, and a place in it
    connection: Connection,
    found: Select[tuple[object, ...]],
    order: tuple[Column[int], Column[str]],
    *,
    limit: int,
    after: Place | None,
    made: Callable[[RowMapping], Thing],
) -> tuple[list[Thing], Place | None]:
    """Return up to *limit* things, *order* descending, and where the next page begins (``None``: no more)."""
    instant, name = order
    if after is not None:
        found = found.where(tuple_(instant, name) < tuple_(literal(after[0]), literal(after[1])))
    rows = connection.execute(found.order_by(instant.desc(), name.desc()).limit(limit + 1)).mappings().all()
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    return [made(row) for row in shown], None if last is None else (last[instant.name], last[name.name])

"""The one place where scenarios meet promises: they are read and judged by what is named here."""

from __future__ import annotations

from typing import Any

from whenthen.errors import Problem


def read_promise(document: Any, pointer: str) -> tuple[tuple[Any, ...], list[Problem]]:  # noqa: ARG001 - see below
    """Return what a promise says, and what is wrong with it: promises cannot be judged yet."""
    return (), [Problem("not_judged", pointer, "promises are not judged here yet", "take it out of the scenario")]

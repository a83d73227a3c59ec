"""A file of tests that cannot be run: every problem of it, at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from whenthen.dsl.read import UnreadableFileError, read_json, read_text
from whenthen.errors import Problem, WhenthenError


class UnsoundTestsError(WhenthenError):
    """Tests that cannot be run, with all of their problems; *name* is their own, if it could be read."""

    code = "unsound_tests"

    def __init__(self, problems: tuple[Problem, ...], name: str = "") -> None:
        self.problems = problems
        self.name = name
        super().__init__("; ".join(map(str, problems)))


class InvalidScenarioError(UnsoundTestsError):
    """A scenario that cannot be run."""

    code = "invalid_scenario"


class InvalidPromisesError(UnsoundTestsError):
    """Promises that cannot be searched."""

    code = "invalid_promises"


def read_document(path: Path, error: type[UnsoundTestsError]) -> Any:
    """Return the document of a file; raises *error* for one that cannot be read."""
    try:
        return read_json(read_text(path))
    except UnreadableFileError as unreadable:
        raise error((Problem(unreadable.code, "", str(unreadable)),)) from None

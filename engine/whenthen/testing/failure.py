"""A failing case on disk: the smallest rule and readings that show it, and the command that plays them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis.errors import HypothesisException

from whenthen.model.reading import Reading
from whenthen.recorded.replayable import Replayable, as_json
from whenthen.recorded.written import line_of


@contextmanager
def kept(folder: Path, rules: Sequence[Any], history: Iterable[Reading]) -> Iterator[None]:
    """Write rules and readings into *folder* when the block fails, and tell in a note of the error how to see it.

    Hypothesis runs its smallest failing case last, so that is the one that stays.
    """
    try:
        yield
    except HypothesisException:
        raise  # not a failure: a case that is no case
    except Exception as error:
        if not getattr(error, "__notes__", ()):  # else a check has written what fails in it
            error.add_note(write(folder, rules, history))
        raise


def write(folder: Path, rules: Sequence[Any], history: Iterable[Reading]) -> str:
    """Write ``rule.json`` and ``readings.jsonl`` into *folder*; return a note with the command that plays them."""
    steps = list(history)
    document = rules[0] if len(rules) == 1 else list(rules)
    files = Replayable(folder / "rule.json", folder / "readings.jsonl", folder / "devices.json")
    command = files.write(document, steps)
    shown = "\n  ".join([as_json(document), *(as_json(line_of(step)) for step in steps)])
    return f"the smallest rule and readings that show it:\n  {shown}\nsee it with\n  {command}"

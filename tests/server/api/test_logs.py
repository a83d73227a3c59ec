"""Log lines: text or JSON, one event a line whatever a stranger wrote, put aside when the file is full."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from whenthen_server.logs import set_up_logs
from whenthen_server.settings import load_settings

NASTY = "room\n2026-01-01 INFO whenthen: all is well\r\x1b[2J\u2028\u202e\x00"
Logger = Callable[..., logging.Logger]


@pytest.fixture
def logger(tmp_path: Path) -> Generator[Logger]:
    undo: list[Callable[[], None]] = []

    def made(**changes: object) -> logging.Logger:
        logs = dataclasses.replace(load_settings(None, {}).logs, **changes)  # type: ignore[arg-type] # by name
        undo.append(set_up_logs(logs, tmp_path / "logs" / "whenthen.log"))
        return logging.getLogger("whenthen.test")

    yield made
    for each in undo:
        each()


def lines(tmp_path: Path) -> list[str]:
    return (tmp_path / "logs" / "whenthen.log").read_text(encoding="utf-8").splitlines()


def test_nobody_forges_a_line_of_text(logger: Logger, tmp_path: Path) -> None:
    logger().warning("got %s", NASTY, extra={"caller": NASTY, "request_id": "r-1"})
    written = lines(tmp_path)

    assert len(written) == 1
    assert written[0].isprintable()
    assert "WARNING whenthen.test: got room\\n2026" in written[0]
    assert "request_id=r-1" in written[0]


def test_nobody_forges_a_line_of_json(logger: Logger, tmp_path: Path) -> None:
    logger(format="json").warning("got %s", NASTY, extra={"path": NASTY, "milliseconds": 1.5})
    written = lines(tmp_path)
    line = json.loads(written[0])

    assert len(written) == 1
    assert written[0].isascii()
    assert (line["path"], line["milliseconds"], line["level"]) == (NASTY, 1.5, "WARNING")
    assert line["time"].endswith("+00:00")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_belongs_to_its_line(logger: Logger, tmp_path: Path, form: str) -> None:
    try:
        int(NASTY)
    except ValueError:
        logger(format=form).exception("failed")
    first, *more = lines(tmp_path)

    assert "failed" in first
    assert all(line.startswith("    | ") and line.isprintable() for line in more)
    assert "ValueError" in first + "".join(more)


def test_the_file_is_put_aside_when_it_is_full_and_only_so_many_are_kept(logger: Logger, tmp_path: Path) -> None:
    log = logger(file_bytes=10_000, files=2)
    for number in range(1_000):
        log.info("a line of some length %d", number)
    files = sorted(path.name for path in (tmp_path / "logs").iterdir())

    assert files == ["whenthen.log", "whenthen.log.1", "whenthen.log.2"]
    assert all(path.stat().st_size <= 10_000 for path in (tmp_path / "logs").iterdir())
    assert lines(tmp_path)[-1].endswith("999")


def test_lines_below_the_level_are_not_written(logger: Logger, tmp_path: Path) -> None:
    log = logger(level="WARNING")
    log.info("no")
    log.error("yes")

    assert len(lines(tmp_path)) == 1

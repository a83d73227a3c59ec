"""The log action on a real file system: below one folder only, one line a call."""

from __future__ import annotations

import logging
import os
import resource
import signal
import socket
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from whenthen import ActionRefusedError, RetryLaterError
from whenthen_server.services.files import LogFiles
from whenthen_server.services.lines import LONGEST, one_line
from whenthen_server.services.paths import path_parts

LOGGER = logging.getLogger("test.log.action")

# Forms that some system, some decoder or some careless join would lead out of the folder.
PATHS = (
    "../x",
    "..",
    ".",
    "..\\x",
    "....//x",
    "..%2f",
    "..%2fx",
    "%2e%2e/x",
    "%252e%252e%252fx",
    "/etc/passwd",
    "//etc/x",
    "~/x",
    "~root/x",
    "a/../../x",
    "a/./x",
    "a//x",
    "a/",
    "/",
    "",
    " ",
    "x\x00.csv",
    "x\n.csv",
    "x\r",
    "x\t",
    "x.",
    "x ",
    " x",
    ".x",
    ".ssh/authorized_keys",
    "-rf",
    "CON",
    "con",
    "AUX.log",
    "nul.csv",
    "COM1",
    "a/LPT9.txt",
    "a:stream",
    "C:\\x",
    "C:x",
    "\\\\host\\share",
    "a" * 300,
    "ä" * 60,
    "a/b/c/d/e",
    "\u2024\u2024/x",  # one dot leader
    "\uff0e\uff0e/x",  # full-width full stop
    "\u2025/x",  # two dot leader
    "a\u2215b",  # division slash
    "a\uff0fb",  # full-width solidus
    "\uff23\uff2f\uff2e",  # full-width CON
    "x\u202egpj.exe",
    "x\u200b",
    "x\ud800",
    "e\u0301.csv",  # decomposed
    "proc/self/../../environ",
    "/proc/self/environ",
    "/dev/null",
    "file:///etc/passwd",
    "$(id)",
    "`id`",
    "x|y",
    "x;y",
    "x*y",
    "x?y",
    'x"y',
    "alerts.log.1",
)
GOOD = (
    "temperature_log.csv",
    "alerts.log",
    "a/b/c/d.csv",
    "Gewächshaus 7.csv",
    "温度.csv",
    "a-b_c.d",
    "2026.03/x.csv",
    "x",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "logs"


def everything_outside(folder: Path) -> list[str]:
    """Name all that lies beside the folder, which nothing may change."""
    top = folder.parents[1]
    return sorted(str(path) for path in top.rglob("*") if folder not in (path, *path.parents) and path != folder.parent)


@pytest.mark.parametrize("path", PATHS, ids=ascii)
def test_a_path_that_could_leave_the_folder_is_refused(path: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    with pytest.raises(ActionRefusedError, match="is refused"):
        LogFiles(folder, LOGGER).log({"file": path, "message": "x"})

    assert (everything_outside(folder), list(folder.rglob("*"))) == ([], [])


def test_careless_joining_does_leave_the_folder_so_that_the_test_above_can_fail(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "../x").write_text("out")

    assert (folder.parent / "x").exists()


@pytest.mark.parametrize("path", GOOD)
def test_a_plain_path_is_written_below_the_folder(path: str, folder: Path) -> None:
    result = LogFiles(folder, LOGGER).log({"file": path, "format": "21,5"})

    assert (folder / path).read_text() == "21,5\n"
    assert result == {"file": path, "bytes": 5}
    assert (folder / path).stat().st_mode & 0o077 == 0


def test_lines_are_added_in_order_and_replaced_when_asked(folder: Path) -> None:
    files = LogFiles(folder, LOGGER)
    for number in range(3):
        files.log({"file": "a.csv", "format": f"{number}", "append": True})
    added = (folder / "a.csv").read_text()
    files.log({"file": "a.csv", "format": "new", "append": False})

    assert added == "0\n1\n2\n"
    assert (folder / "a.csv").read_text() == "new\n"


def test_a_format_goes_before_a_message(folder: Path) -> None:
    LogFiles(folder, LOGGER).log({"file": "a.csv", "format": "1,2", "message": "text", "level": "critical"})

    assert (folder / "a.csv").read_text() == "1,2\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\r\nERROR forged", r"a\r\nERROR forged"),
        ("a\x1b[2J\x1b]0;x\x07", r"a\x1b[2J\x1b]0;x\x07"),
        ("a\x00\x7f\x9b", r"a\x00\x7f\x9b"),
        ("a\u2028b\u2029c\x85d\x0be\x0cf", r"a\u2028b\u2029c\x85d\x0be\x0cf"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("\ud800", r"\ud800"),
        ("1\t2", "1\t2"),
        ("21 °C 温度 🍄", "21 °C 温度 🍄"),
        ("", ""),
    ],
    ids=ascii,
)
def test_one_call_is_one_line_whatever_the_text_holds(
    text: str, line: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = LogFiles(folder, LOGGER)
    files.log({"file": "a.log", "message": text})
    with caplog.at_level(logging.DEBUG, LOGGER.name):
        files.log({"message": text, "level": "error"})

    assert (folder / "a.log").read_bytes() == f"{line}\n".encode()
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("ERROR", line)]


def test_a_text_that_looks_like_a_format_of_the_logger_is_a_text(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, LOGGER.name):
        result = LogFiles(Path("unused"), LOGGER).log({"message": "%s %(name)s {0} %d", "level": "debug"})

    assert caplog.records[0].getMessage() == "%s %(name)s {0} %d"
    assert result == {"logged": "debug"}


def test_a_line_has_an_end() -> None:
    assert len(one_line("a" * 1_000_000)) == LONGEST + 1


# What else may lie where the file should be


def outside(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder.parents[1] / "secret"
    secret.write_text("untouched")
    return secret


def refused(folder: Path, path: str = "a.log") -> None:
    for append in (True, False):
        with pytest.raises(ActionRefusedError, match="is refused"):
            LogFiles(folder, LOGGER).log({"file": path, "message": "x", "append": append})


def test_a_symbolic_link_is_not_followed(folder: Path) -> None:
    secret = outside(folder)
    (folder / "a.log").symlink_to(secret)
    refused(folder)

    assert secret.read_text() == "untouched"


def test_a_symbolic_link_to_nowhere_makes_nothing(folder: Path) -> None:
    outside(folder)
    target = folder.parents[1] / "made"
    (folder / "a.log").symlink_to(target)
    refused(folder)

    assert not target.exists()


def test_a_folder_that_is_a_symbolic_link_is_not_followed(folder: Path) -> None:
    secret = outside(folder)
    (folder / "below").symlink_to(secret.parent)
    refused(folder, "below/secret")
    refused(folder, "below/new")

    assert secret.read_text() == "untouched"
    assert not (secret.parent / "new").exists()


def test_a_hard_link_is_not_written_through(folder: Path) -> None:
    secret = outside(folder)
    (folder / "a.log").hardlink_to(secret)
    refused(folder)

    assert secret.read_text() == "untouched"


def test_a_fifo_is_refused_without_waiting_for_a_reader(folder: Path) -> None:
    outside(folder)
    os.mkfifo(folder / "a.log")
    refused(folder)


def test_a_fifo_that_somebody_reads_is_refused(folder: Path) -> None:
    outside(folder)
    os.mkfifo(folder / "a.log")
    reader = os.open(folder / "a.log", os.O_RDONLY | os.O_NONBLOCK)
    try:
        refused(folder)

        assert os.read(reader, 10) == b""
    finally:
        os.close(reader)


def test_a_socket_a_folder_and_a_device_are_refused(folder: Path) -> None:
    outside(folder)
    (folder / "b.log").mkdir()
    (folder / "c.log").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "a.log"))
        for path in ("a.log", "b.log", "c.log", "a.log/x"):
            refused(folder, path)


def test_a_file_that_turns_into_a_symbolic_link_at_any_moment_leads_nowhere(folder: Path) -> None:
    secret = outside(folder)
    (folder / "links").mkdir()
    (folder / "links" / "x").symlink_to(secret)
    plain = folder / "plain"
    stop = Event()

    def swap() -> None:
        while not stop.is_set():
            (folder / "links" / "y").unlink(missing_ok=True)
            (folder / "links" / "y").symlink_to(secret)
            (folder / "links" / "y").replace(folder / "a.log")  # a link …
            plain.touch()
            plain.replace(folder / "a.log")  # … and a file in turn

    thread = Thread(target=swap)
    thread.start()
    files = LogFiles(folder, LOGGER)
    verdicts: set[bool] = set()
    try:
        # Until both have been met: a write that was refused for the link, and one that went through.
        for _ in range(200_000):
            try:
                files.log({"file": "a.log", "message": "x"})
                verdicts.add(True)
            except (ActionRefusedError, RetryLaterError):
                verdicts.add(False)
            if len(verdicts) == 2:
                break
    finally:
        stop.set()
        thread.join()

    assert verdicts == {True, False}
    assert secret.read_text() == "untouched"


def test_checking_a_path_before_opening_it_is_no_guard(folder: Path) -> None:
    # Proof that the swap above matters: a check of the name followed by an ordinary open writes through the link.
    secret = outside(folder)
    path = folder / "a.log"
    path.touch()
    assert not path.is_symlink()  # the check
    path.unlink()
    path.symlink_to(secret)  # the swap
    path.write_text("x")  # the use

    assert secret.read_text() == "x"


# Size


def test_a_file_that_is_full_makes_room_and_older_parts_are_kept_to_a_number(folder: Path) -> None:
    files = LogFiles(folder, LOGGER, size_limit=10, backups=3)
    for number in range(12):
        files.log({"file": "a.log", "message": f"{number:04}"})

    kept = {path.name: path.read_text() for path in folder.iterdir()}
    assert kept == {
        "a.log": "0010\n0011\n",
        "a.log.1": "0008\n0009\n",
        "a.log.2": "0006\n0007\n",
        "a.log.3": "0004\n0005\n",
    }


def test_a_line_longer_than_a_file_is_written_whole(folder: Path) -> None:
    files = LogFiles(folder, LOGGER, size_limit=10)
    for _ in range(2):
        files.log({"file": "a.log", "message": "longer than ten"})

    assert (folder / "a.log").read_text() == (folder / "a.log.1").read_text() == "longer than ten\n"


def test_rotation_moves_a_link_aside_and_does_not_write_through_it(folder: Path) -> None:
    secret = outside(folder)
    (folder / "a.log.1").symlink_to(secret)
    files = LogFiles(folder, LOGGER, size_limit=4, backups=2)
    for _ in range(4):
        files.log({"file": "a.log", "message": "abc"})

    assert secret.read_text() == "untouched"


def test_names_that_never_end_do_not_fill_the_disk(folder: Path) -> None:
    files = LogFiles(folder, LOGGER, most_files=20)
    for number in range(10):
        files.log({"file": f"d{number}/x{number}.log", "message": "x"})
    for path in ("d0/more.log", "more.log", "more/x.log"):
        with pytest.raises(ActionRefusedError, match="20 are the most"):
            files.log({"file": path, "message": "x"})

    assert sum(1 for _ in folder.rglob("*")) == 20
    files.log({"file": "d0/x0.log", "message": "old files go on"})


def test_many_threads_lose_no_line(folder: Path) -> None:
    # So small a file that threads meet while it is rotated: without the lock, lines are refused or thrown away.
    files = LogFiles(folder, LOGGER, size_limit=50, backups=200)
    threads = [
        Thread(target=lambda name=name: [files.log({"file": "a.log", "message": f"{name} {n}"}) for n in range(100)])
        for name in "abcdefgh"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lines = [line for path in folder.iterdir() for line in path.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{name} {n}" for name in "abcdefgh" for n in range(100))


def test_a_disk_that_is_full_is_for_later_and_leaves_no_half_line(folder: Path) -> None:
    files = LogFiles(folder, LOGGER)
    files.log({"file": "a.log", "message": "first"})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))  # the kernel refuses the eleventh byte: EFBIG
        with pytest.raises(RetryLaterError, match="cannot be written now"):
            files.log({"file": "a.log", "message": "second line"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)

    assert (folder / "a.log").read_text() == "first\n"


@pytest.mark.parametrize("path", GOOD)
def test_a_good_path_has_parts(path: str) -> None:
    assert "/".join(path_parts(path)) == path


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_every_level_of_the_schema_is_one_of_the_logger(level: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, LOGGER.name):
        result: dict[str, Any] = LogFiles(Path("unused"), LOGGER).log({"message": "x", "level": level})

    assert caplog.records[0].levelname == level.upper()
    assert result == {"logged": level}

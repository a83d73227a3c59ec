import multiprocessing
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from whenthen_archive.dayfile import append_once

DAY = "2026-03-02"


def lines(folder: Path, name: str = "readings") -> list[str]:
    text = (folder / "archive" / f"{name}-{DAY}.lp").read_text(encoding="utf-8")
    assert text.endswith("\n")
    return text.splitlines()


def test_a_line_is_written_once_however_often_it_comes(tmp_path: Path) -> None:
    results = [append_once(tmp_path, "readings", DAY, line) for line in ("a", "aa", "a", "aa", "b", "a")]

    assert [new for _, new in results] == [True, True, False, False, True, False]
    assert lines(tmp_path) == ["a", "aa", "b"]


def test_days_and_names_have_files_of_their_own(tmp_path: Path) -> None:
    found = {append_once(tmp_path, name, day, "a")[0] for name in ("x", "y") for day in (DAY, "2026-03-03")}

    assert found == {f"archive/{name}-{day}.lp" for name in ("x", "y") for day in (DAY, "2026-03-03")}
    assert found == {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.lp")}


@pytest.mark.parametrize("left", ["torn", "whole\ntorn", "whole\nb"])
def test_what_a_crash_left_of_a_line_is_cut_off_and_the_retry_writes_it(tmp_path: Path, left: str) -> None:
    append_once(tmp_path, "readings", DAY, "whole")
    (tmp_path / "archive" / f"readings-{DAY}.lp").write_text(left, encoding="utf-8")

    assert append_once(tmp_path, "readings", DAY, "b")[1] is True
    assert lines(tmp_path)[-1] == "b"
    assert "torn" not in "".join(lines(tmp_path))


@pytest.mark.parametrize("name", ["../up", "a/b", "..", "", "A", "a.lp", "a\n", "a\0", "/etc/passwd", "x" * 65])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is not small letters"):
        append_once(tmp_path, name, DAY, "a")

    assert list(tmp_path.iterdir()) == []


def test_a_line_break_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the line is none"):
        append_once(tmp_path, "readings", DAY, "a\nb")


def test_a_link_in_the_place_of_the_folder_or_of_a_file_is_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "archive").symlink_to(outside, target_is_directory=True)
    with pytest.raises(OSError, match="archive"):
        append_once(inside, "readings", DAY, "a")

    (inside / "archive").unlink()
    (inside / "archive").mkdir()
    (inside / "archive" / f"readings-{DAY}.lp").symlink_to(outside / "file")
    with pytest.raises(OSError, match="readings"):
        append_once(inside, "readings", DAY, "a")

    (inside / "archive" / f"readings-{DAY}.lp").unlink()
    (outside / "file").write_text("mine")
    os.link(outside / "file", inside / "archive" / f"readings-{DAY}.lp")
    with pytest.raises(OSError, match="not a file of its own"):
        append_once(inside, "readings", DAY, "a")

    assert [path.read_text() for path in outside.iterdir()] == ["mine"]


def test_a_pipe_in_the_place_of_a_file_is_refused_rather_than_waited_for(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    os.mkfifo(tmp_path / "archive" / f"readings-{DAY}.lp")

    with pytest.raises(OSError, match="not a file of its own"):
        append_once(tmp_path, "readings", DAY, "a")


def write_all(folder: Path, which: range) -> int:
    return sum(append_once(folder, "readings", DAY, f"line {number}")[1] for number in which)


def test_processes_that_write_the_same_lines_at_once_write_each_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        new = pool.starmap(write_all, [(tmp_path, range(50))] * 3)

    assert sum(new) == 50
    assert sorted(lines(tmp_path)) == sorted(f"line {number}" for number in range(50))


def test_a_disk_that_is_full_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    append_once(tmp_path, "readings", DAY, "a" * 100)
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150, hard))  # the next line begins to fit
    try:
        with pytest.raises(OSError, match="too large"):
            append_once(tmp_path, "readings", DAY, "b" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))
        signal.signal(signal.SIGXFSZ, ignored)

    assert lines(tmp_path) == ["a" * 100]


_WRITER = """
import sys
from pathlib import Path
from whenthen_archive.dayfile import append_once
for number in range(10**6):
    append_once(Path(sys.argv[1]), "readings", sys.argv[2], f"line {number} " + "x" * 2000)
    print(number, flush=True)
"""


def test_what_was_acknowledged_before_a_kill_is_there_whole(tmp_path: Path) -> None:
    acknowledged = -1
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", _WRITER, tmp_path, DAY], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            for _ in range(20):
                acknowledged = max(acknowledged, int(writer.stdout.readline()))
            writer.kill()
            acknowledged = max([acknowledged, *map(int, writer.stdout.read().split(b"\n")[:-1])])

    append_once(tmp_path, "readings", DAY, "last")
    found = lines(tmp_path)[:-1]
    assert [line.split()[1] for line in found] == [str(number) for number in range(len(found))]
    assert len(found) > acknowledged
    assert {len(line.split()[2]) for line in found} == {2000}

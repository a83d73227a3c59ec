"""The tutorial is followed to the letter: its files written, its commands run, what it says they print compared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "plugins" / "tutorial.md"
MOST_LINES = 30
_STEP = re.compile(r"(?:^<!-- file: (\S+) -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Step:
    """A fenced block of the page: a file to be written, commands to be run, or what they print."""

    file: str | None
    language: str
    text: str


def steps() -> Iterator[Step]:
    for match in _STEP.finditer(PAGE.read_text(encoding="utf-8")):
        yield Step(match[1], match[2], match[3])


def script() -> str:
    """Return the page as one shell script."""
    parts = ["set -eu"]
    for step in steps():
        if step.file is not None:
            parts.append(f"cat > {step.file} <<'END OF FILE'\n{step.text}END OF FILE")
        elif step.language == "sh":
            parts.append(step.text)
    return "\n".join(parts)


def pattern(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split("…"))


def environment(wheels: Path, constraints: Path) -> dict[str, str]:
    """Return an environment in which pip finds this very whenthen, and in which nothing else of ours helps."""
    constraints.write_text(f"whenthen=={version('whenthen')}\n", encoding="utf-8")
    ours = ("PYTEST_", "PYTHON", "WHENTHEN_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    links = f"{clean.get('PIP_FIND_LINKS', '')} {wheels}".strip()
    return {**clean, "PIP_FIND_LINKS": links, "PIP_CONSTRAINT": str(constraints), "COLUMNS": "200"}


def test_the_author_writes_at_most_thirty_lines_of_code() -> None:
    lines = [
        line
        for step in steps()
        if step.file is not None and step.file.endswith(".py")
        for line in step.text.splitlines()
        if line.strip()
    ]

    assert 20 <= len(lines) <= MOST_LINES
    assert f"You write {len(lines)} lines of" in PAGE.read_text(encoding="utf-8")


def test_every_block_is_a_file_commands_or_what_they_print() -> None:
    found = list(steps())

    assert [step.language for step in found if step.file is None and step.language not in ("sh", "text")] == []
    assert sum(step.file is not None for step in found) == 4
    assert len(found) == PAGE.read_text(encoding="utf-8").count("\n```") // 2


def test_who_follows_the_page_gets_what_it_says(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(ROOT)]
    built = subprocess.run(build, check=False, capture_output=True, text=True)
    if "No matching distribution found" in built.stderr:
        pytest.skip("there is no package index from which to install what the page installs")
    assert built.returncode == 0, built.stderr
    desk = tmp_path / "desk"
    desk.mkdir()

    bash = shutil.which("bash") or "bash"
    done = subprocess.run(
        [bash, "-c", script()],
        cwd=desk,
        env=environment(wheels, tmp_path / "constraints.txt"),
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    printed = done.stdout.splitlines()
    said = [line for step in steps() if step.language == "text" for line in step.text.splitlines()]
    assert [line for line in said if not any(re.fullmatch(pattern(line), other) for other in printed)] == []
    assert "greenhouse" in done.stdout
    assert list(desk.glob("greenhouse/whenthen-greenhouse/dist/whenthen_greenhouse-*.whl"))

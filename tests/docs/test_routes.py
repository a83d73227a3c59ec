"""Every route is documented; and who follows docs/server/devices.md with curl gets what it says."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from places.house import stocked

from whenthen_server.api.resources import all_routes

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "server").glob("*.md"))
PAGE = ROOT / "docs" / "server" / "devices.md"
_STEP = re.compile(r"^```sh\n(.*?)^```\n(?:\n```json\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"<\w+>")
_ROUTE = re.compile(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`? ]*)`")
_MARK = "----- the next answer -----"


def named(text: str) -> set[str]:
    """Return the routes that a text names, whatever it calls their parameters."""
    return {_NAMED.sub("<>", found) for found in _ROUTE.findall(text)}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    with stocked(tmp_path_factory.mktemp("documented") / "data") as house:
        return {_NAMED.sub("<>", route.name) for route in all_routes(house) if route.documented}


def test_every_route_is_documented(served: set[str]) -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)

    assert len(served) > 50
    assert served - named(text) == set()


def test_the_page_about_devices_names_no_route_that_is_not_there(served: set[str]) -> None:
    assert named(PAGE.read_text(encoding="utf-8")) - served == set()


@pytest.fixture
def desk(tmp_path: Path) -> Generator[tuple[Path, str]]:
    """Start the server as a user does; return the folder where that was done, and the server's address."""
    command = [sys.executable, "-m", "whenthen", "serve", "--port", "0", "--data", "data"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WHENTHEN_")}
    with subprocess.Popen(command, cwd=tmp_path, env=clean, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        match = re.search(r"http://[0-9.:]+", said)
        assert match is not None, said
        yield tmp_path, match[0]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def test_who_follows_the_page_gets_what_it_says(desk: tuple[Path, str]) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    folder, url = desk
    steps = _STEP.findall(PAGE.read_text(encoding="utf-8"))
    script = "\n".join(["set -eu", *(f"echo '{_MARK}'\n{command}" for command, _ in steps)])
    bash = shutil.which("bash") or "bash"
    done = subprocess.run(
        [bash, "-c", script.replace("http://127.0.0.1:5005", url)],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    printed = done.stdout.split(f"{_MARK}\n")[1:]
    answers = [(json.loads(given), json.loads(said)) for given, (_, said) in zip(printed, steps, strict=True) if said]
    assert len(answers) >= 8
    assert [pair for pair in answers if not fits(*pair)] == []


def fits(given: Any, said: Any) -> bool:
    """Compare an answer with what the page says: ``…`` is any text, and as a field any further fields."""
    if said == "…":
        return isinstance(given, str)
    if isinstance(said, dict) and isinstance(given, dict):
        wanted = {name: value for name, value in said.items() if name != "…"}
        return (wanted.keys() == given.keys() or "…" in said) and all(
            name in given and fits(given[name], value) for name, value in wanted.items()
        )
    if isinstance(said, list) and isinstance(given, list):
        return len(said) == len(given) and all(map(fits, given, said))
    return bool(given == said)


def test_what_does_not_fit_is_found() -> None:
    assert fits({"a": "x", "b": 1}, {"a": "…", "…": "…"})
    assert not fits({"a": "x", "b": 1}, {"a": "…"})
    assert not fits({"a": [1, 2]}, {"a": [1]})
    assert not fits({"b": 1}, {"a": "…", "…": "…"})

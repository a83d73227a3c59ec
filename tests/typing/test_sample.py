"""A stranger's package is well typed from outside the project, by two checkers, and whenthen takes all of it."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import whenthen
from whenthen.extend.host import load_registry
from whenthen.extend.registry import KINDS

ROOT = Path(__file__).parents[2]
SAMPLE = Path(__file__).parent / "whenthen_greenhouse"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a folder far from the project with nothing but the sample in it."""
    shutil.copytree(SAMPLE, tmp_path / SAMPLE.name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def check(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    # pyright's --verifytypes does not follow the .pth file of an editable install.
    sources = os.pathsep.join(str(ROOT / name) for name in ("engine", "schemas"))
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": sources},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def mypy(folder: Path) -> subprocess.CompletedProcess[str]:
    return check(folder, "mypy", "--strict", "--config-file=", f"--cache-dir={folder / 'cache'}", SAMPLE.name)


def pyright(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    if find_spec("basedpyright") is None:
        pytest.skip("basedpyright is not installed")
    return check(folder, "basedpyright", "--pythonpath", sys.executable, *arguments)


def pyright_strict(folder: Path) -> subprocess.CompletedProcess[str]:
    settings = {"include": [SAMPLE.name], "typeCheckingMode": "strict"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    return pyright(folder)


def test_mypy_strict_finds_nothing(outside: Path) -> None:
    result = mypy(outside)

    assert result.returncode == 0, result.stdout


def test_pyright_strict_finds_nothing(outside: Path) -> None:
    result = pyright_strict(outside)

    assert result.returncode == 0, result.stdout


def test_every_type_that_a_public_name_shows_is_known_without_a_guess(tmp_path: Path) -> None:
    found = pyright(tmp_path, "--verifytypes", "whenthen", "--ignoreexternal", "--outputjson")
    symbols = json.loads(found.stdout)["typeCompleteness"]["symbols"]
    public = tuple(
        f"{thing.__module__}.{thing.__qualname__}"
        for thing in map(vars(whenthen).get, whenthen.__all__)
        if inspect.isclass(thing) or inspect.isfunction(thing)
    )
    seen = [symbol for symbol in symbols if symbol["name"].startswith(public)]

    assert len(seen) > 200
    assert [symbol["name"] for symbol in seen if not symbol["isTypeKnown"]] == []


MISTAKES = {
    "return dew_point > float": "return str(dew_point > 3) + str",
    "def send(self, command: Command, device: Device, services: Any)": "def send(self, command: int, services: Any)",
    "return [Hose]": "return [Hose({})]",
}
"""What the checkers must find, so that a clean run means something: the types reach them."""


@pytest.mark.parametrize(("right", "wrong"), MISTAKES.items())
def test_both_find_a_mistake(outside: Path, right: str, wrong: str) -> None:
    module = outside / SAMPLE.name / "__init__.py"
    text = module.read_text(encoding="utf-8")
    module.write_text(text.replace(right, wrong), encoding="utf-8")

    assert right in text
    assert mypy(outside).returncode == pyright_strict(outside).returncode == 1


def test_whenthen_takes_one_thing_of_every_kind_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SAMPLE.parent)
    registry = load_registry(extra=[("greenhouse", import_module(SAMPLE.name))])
    record = registry.plugins[-1]

    assert (record.problems, record.warnings, record.api) == ([], [], 1)
    assert set(record.registered) == set(KINDS)


def test_every_package_that_is_shipped_says_that_it_is_typed() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    packages = [ROOT / package for package in build["targets"]["wheel"]["packages"]]

    assert len(packages) == 4
    assert [package.name for package in packages if not (package / "py.typed").is_file()] == []

"""``whenthen plugin new``: what it writes stands by itself, and what it cannot write it refuses in a sentence."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from whenthen.cli import main
from whenthen.cli.scaffold import KINDS

EVERYTHING = (
    "whenthen-greenhouse",
    *("--condition", "dew_point", "--condition", "greenhouse.view", "--condition", "true"),
    *("--action", "open_vent", "--trigger", "dusk", "--function", "fahrenheit", "--function", "e5"),
)
LONGEST = ("w" * 50, *(part for kind in KINDS for part in (f"--{kind}", "x" * (32 if kind == "function" else 50))))
_EXAMPLE = "is_loaded_with_all or example_rule_fires"
MANY = tuple(part for number in range(9) for part in ("--condition", f"a_condition_with_a_long_name_{number}"))


def new(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["plugin", "new", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def written(folder: Path, *arguments: str) -> Path:
    result = new(*arguments, "--directory", str(folder))
    assert result.exit_code == 0, result.output
    return folder / arguments[0]


def run(package: Path, *command: str) -> str:
    """Run a module of Python's in a package that is as good as installed: its metadata lie beside its sources."""
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ((name, value),) = project["entry-points"]["whenthen"].items()
    info = package / "src" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    (info / "entry_points.txt").write_text(f"[whenthen]\n{name} = {value}\n")
    environment = {**os.environ, "PYTHONPATH": str(package / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["MYPYPATH"] = str(package / "src")
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=package, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_is_written_passes_its_own_tests(tmp_path: Path) -> None:
    package = written(tmp_path, *EVERYTHING)

    assert " passed" in run(package, "pytest", "-q", "-p", "no:cacheprovider")


@pytest.mark.parametrize("arguments", [LONGEST, ("w2", *MANY), ("vents", "--action", "open_vent")])
def test_whatever_the_names_its_tests_are_found_and_its_example_fires(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    package = written(tmp_path, *arguments)

    # The contracts take seconds for each type; they are collected, that is imported, all the same.
    assert "2 passed" in run(package, "pytest", "-q", "-p", "no:cacheprovider", "-k", _EXAMPLE)


@pytest.mark.parametrize("arguments", [EVERYTHING, LONGEST, ("w2", *MANY), ("lone", "--function", "fahrenheit")])
def test_what_is_written_is_clean_for_the_linter_and_the_formatter(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    package = written(tmp_path, *arguments)

    run(package, "ruff", "check", "--no-cache")
    run(package, "ruff", "format", "--check", "--no-cache")


def test_what_is_written_is_clean_for_the_type_checker_at_its_strictest(tmp_path: Path) -> None:
    package = written(tmp_path, *EVERYTHING)

    assert "Success" in run(package, "mypy", "--strict")


def test_the_first_page_names_every_file_of_the_sources(tmp_path: Path) -> None:
    package = written(tmp_path, *EVERYTHING)
    page = (package / "README.md").read_text(encoding="utf-8")

    sources = [path.name for path in (package / "src/whenthen_greenhouse").glob("*.py") if path.name != "__init__.py"]
    assert [name for name in sources if name not in page] == []
    assert not [path for path in package.rglob("*") if path.is_file() and "$" in path.read_text(encoding="utf-8")]


def test_a_package_that_is_called_nothing_of_ours_keeps_its_name_as_the_plugin_s(tmp_path: Path) -> None:
    project = tomllib.loads((written(tmp_path, "vents", "--action", "open_vent") / "pyproject.toml").read_text())

    assert project["project"]["entry-points"]["whenthen"] == {"vents": "vents.plugin"}


@pytest.mark.parametrize(
    "name", ["change", "comparison", "composite", "custom", "duration", "expression", "range", "time"]
)
def test_a_built_in_s_name_is_refused(tmp_path: Path, name: str) -> None:
    result = new("whenthen-x", "--condition", name, "--directory", str(tmp_path))

    assert result.exit_code == 2
    assert f"whenthen has a condition '{name}' itself" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("whenthen-x",), "there is nothing to write"),
        (("Whenthen_X", "--action", "a"), "did you mean whenthen-x?"),
        (("-x", "--action", "a"), "No such option"),
        (("../up", "--action", "a"), "did you mean up?"),
        (("", "--action", "a"), "is not small letters"),
        (("a" * 51, "--action", "a"), "is not small letters"),
        (("whenthen", "--action", "a"), "is whenthen's own"),
        (("whenthen-plugins", "--action", "a"), "is whenthen's own"),
        (("whenthen-builtin", "--action", "a"), "is whenthen's own"),
        (("json", "--action", "a"), "how about whenthen-json?"),
        (("class", "--action", "a"), "how about whenthen-class?"),
        (("whenthen-x", "--condition", "DewPoint"), "did you mean dew_point?"),
        (("whenthen-x", "--condition", "dew-point"), "did you mean dew_point?"),
        (("whenthen-x", "--condition", "a.b.c"), "at most one prefix"),
        (("whenthen-x", "--condition", 'x"; import os'), "did you mean x_import_os?"),
        (("whenthen-x", "--condition", "a\nb"), "did you mean a_b?"),
        (("whenthen-x", "--condition", "a\n"), "is not snake_case"),
        (("whenthen-x", "--condition", ""), "is not snake_case"),
        (("whenthen-x", "--condition", "é"), "is not snake_case"),
        (("whenthen-x", "--action", "a" * 51), "has more than 50 characters"),
        (("whenthen-x", "--function", "a" * 33), "has more than 32 characters"),
        (("whenthen-x", "--function", "a.b"), "an expression cannot call 'a.b'"),
        (("whenthen-x", "--function", "lambda"), "an expression cannot call 'lambda'"),
        (("whenthen-x", "--function", "abs"), "whenthen has a function 'abs' itself"),
        (("whenthen-x", "--condition", "a", "--condition", "a"), "a, a would all be called A"),
        (("whenthen-x", "--condition", "a_b", "--condition", "x.a__b"), "a_b, x.a__b would all be called AB"),
    ],
)
def test_what_cannot_be_written_is_refused_in_a_sentence_and_leaves_nothing(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = new(*arguments, "--directory", str(tmp_path))

    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "whenthen-x").mkdir()
    (tmp_path / "whenthen-x" / "mine.txt").write_text("mine")
    result = new("whenthen-x", "--action", "a", "--directory", str(tmp_path))

    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert [path.name for path in (tmp_path / "whenthen-x").iterdir()] == ["mine.txt"]


def test_a_disk_that_is_full_leaves_no_half_of_a_package(tmp_path: Path) -> None:
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        result = new("whenthen-x", "--action", "a", "--directory", str(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))
        signal.signal(signal.SIGXFSZ, ignored)

    assert result.exit_code == 2
    assert "cannot be written: File too large" in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_the_command_that_is_told_can_be_pasted_whatever_the_folder_is_called(tmp_path: Path) -> None:
    (tmp_path / "my plugins; really").mkdir()
    result = new("whenthen-x", "--action", "a", "--directory", str(tmp_path / "my plugins; really"))

    assert f"cd '{tmp_path}/my plugins; really/whenthen-x' && pip" in result.stdout


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    result = new("whenthen-x", "--action", "a", "--directory", str(tmp_path / "no"))

    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_two_kinds_may_use_one_name(tmp_path: Path) -> None:
    package = written(tmp_path, "whenthen-x", "--condition", "vent", "--action", "vent")
    rule = json.loads((package / "examples/rule.json").read_text(encoding="utf-8"))

    assert [rule["conditions"][0]["type"], rule["actions"][0]["type"]] == ["vent", "vent"]

"""Single-file plugins: which files are taken, how they run, and what is refused."""

from __future__ import annotations

import os
import sys
from dataclasses import is_dataclass
from pathlib import Path

import pytest

from whenthen import PluginError
from whenthen.extend.folder import load_file, plugin_files

posix = pytest.mark.skipif(os.name != "posix", reason="only POSIX says who may write (not part of the repository)")


def test_files_come_in_order_of_their_names_and_only_plugins(tmp_path: Path) -> None:
    for name in ("beta.py", "alpha.py", "_common.py", ".hidden.py", "notes.txt"):
        (tmp_path / name).touch()

    assert [path.name for path in plugin_files(tmp_path)] == ["alpha.py", "beta.py"]


def test_a_file_runs_as_a_module_of_its_own_and_nothing_is_written_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("from dataclasses import dataclass\n@dataclass\nclass A:\n    x: 'int'\n", encoding="utf-8")
    module = load_file(path)

    assert is_dataclass(module.A)
    assert (module.__name__, module.__file__) == ("whenthen_folder_mine", str(path))
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.py"]


def test_a_file_that_raises_leaves_no_half_made_module(tmp_path: Path) -> None:
    path = tmp_path / "torn.py"
    path.write_text("1 / 0", encoding="utf-8")

    with pytest.raises(ZeroDivisionError):
        load_file(path)
    assert "whenthen_folder_torn" not in sys.modules


@pytest.mark.parametrize("name", ["My.py", "my-own.py", "9.py", "ä.py"])
def test_a_file_is_named_as_the_plugin_is(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()

    with pytest.raises(PluginError, match="needs a name in snake_case"):
        load_file(tmp_path / name)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(PluginError, match="is not a folder"):
        plugin_files(tmp_path / "file")
    with pytest.raises(PluginError, match="cannot be read: No such file"):
        plugin_files(tmp_path / "nowhere")


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").mkdir()

    with pytest.raises(PluginError, match="cannot be read: Is a directory"):
        load_file(tmp_path / "mine.py")


@posix
def test_a_pipe_in_the_place_of_a_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mine.py")

    with pytest.raises(PluginError, match="is not a file"):
        load_file(tmp_path / "mine.py")


@posix
def test_a_folder_to_which_anybody_may_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    with pytest.raises(PluginError, match=r"anybody on this machine may write to .*chmod o-w"):
        plugin_files(tmp_path)


@posix
def test_a_file_to_which_anybody_may_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("raise SystemError", encoding="utf-8")
    path.chmod(0o666)

    with pytest.raises(PluginError, match="anybody on this machine may write to"):
        load_file(path)

"""Plugins that are single files in a folder, for those who have no package."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from stat import S_ISDIR, S_ISREG, S_IWOTH
from types import ModuleType

from whenthen.errors import PluginError

_MODULE_PREFIX = "whenthen_folder_"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def plugin_files(folder: Path) -> list[Path]:
    """Return the files of *folder* that are plugins, by name; those that begin with ``_`` or ``.`` are none.

    Raises ``PluginError`` for a folder that cannot be read, or that anybody may write to: its files would run as you.
    """
    try:
        mode = folder.stat().st_mode
        if not S_ISDIR(mode):
            raise PluginError(f"{folder} is not a folder")
        _refuse_open_to_all(folder, mode)
        return sorted(path for path in folder.iterdir() if path.suffix == ".py" and path.name[0] not in "_.")
    except OSError as error:
        raise PluginError(f"{folder} cannot be read: {error.strerror}") from None


def load_file(path: Path) -> ModuleType:
    """Return the module that one file is; nothing is written beside it.

    Raises ``PluginError`` for a file that is no plugin, and whatever its code raises.
    """
    code = compile(read_file(path), str(path), "exec", dont_inherit=True)
    module = ModuleType(_MODULE_PREFIX + path.stem)
    module.__file__ = str(path)
    # Classes find their module by its name: dataclasses and pickle look it up.
    sys.modules[module.__name__] = module
    try:
        exec(code, module.__dict__)  # noqa: S102 - a plugin is code, and its folder was named by whoever runs us
    except BaseException:
        del sys.modules[module.__name__]
        raise
    return module


def read_file(path: Path) -> bytes:
    """Return the source of one plugin; raises ``PluginError`` for a file that is none, or that anybody may write to."""
    if not _NAME.fullmatch(path.stem):
        raise PluginError(f"{path.name} needs a name in snake_case: it is the plugin's name")
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            # The open file is looked at, not its name, which could by now mean another.
            mode = os.fstat(file.fileno()).st_mode
            if not S_ISREG(mode):
                raise PluginError(f"{path} is not a file")
            _refuse_open_to_all(path, mode)
            return file.read()
    except OSError as error:
        raise PluginError(f"{path} cannot be read: {error.strerror}") from None


def _without_waiting(path: str, flags: int) -> int:
    # Opening a pipe would wait for somebody to write into it.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _refuse_open_to_all(path: Path, mode: int) -> None:
    # Only POSIX has this bit; elsewhere it is always clear or says nothing.
    if os.name == "posix" and mode & S_IWOTH:
        raise PluginError(f"anybody on this machine may write to {path}; take that right away: chmod o-w {path}")

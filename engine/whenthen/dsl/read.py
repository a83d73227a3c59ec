"""Files and folders of rules, read with every fault named and nothing assumed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from whenthen.errors import Problem, WhenthenError

MAX_FILE_BYTES = 10_000_000
SCENARIO_ENDING = ".scenario.json"
PROMISES_ENDING = ".promises.json"
TEST_ENDINGS = (SCENARIO_ENDING, PROMISES_ENDING)
"""So end the names of files that lie beside rules and are none: they test them."""

_NAMESPACE = UUID("6f1c6d1e-5a3b-5d3c-9c39-3f6f2d2f9a10")


@dataclass(frozen=True, slots=True)
class RuleSource:
    """One rule document and where it stands: its file, and its place in it as a JSON Pointer."""

    path: Path
    pointer_prefix: str
    document: Any


@dataclass(frozen=True, slots=True)
class FileProblem:
    """Something that is wrong with a file."""

    path: Path
    problem: Problem


class UnreadableFileError(WhenthenError):
    """A file of which nothing can be read, with the reason."""

    code = "unreadable_file"


def rule_id_of(document: Any) -> str:
    """Return the id of a rule that names none: a UUIDv5 of its content, the same wherever it is read.

    >>> rule_id_of({"name": "a"}) == rule_id_of({"name": "a"})
    True
    """
    return str(uuid5(_NAMESPACE, json.dumps(document, sort_keys=True, separators=(",", ":"))))


def read_rules(path: Path) -> tuple[list[RuleSource], list[FileProblem]]:
    """Return the rules of a file (one rule, or a list of them) or of a folder's ``*.json`` files, and all problems.

    In a folder, files that are no rules by their name (scenarios, promises) are left out.
    """
    files = rule_files(path)
    if not files:
        message = "the folder holds no *.json file with rules"
        return [], [FileProblem(path, Problem("no_rules", "", message, "name another"))]
    sources: list[RuleSource] = []
    problems: list[FileProblem] = []
    for file in files:
        try:
            sources += _sources(file)
        except UnreadableFileError as error:
            problems.append(FileProblem(file, Problem(error.code, "", str(error))))
    return sources, problems


def rule_files(path: Path) -> list[Path]:
    """Return the files of rules that a path means: itself, or of a folder those that are rules by their name."""
    if not _is_folder(path):
        return [path]
    return sorted(file for file in path.glob("*.json") if not file.name.endswith(TEST_ENDINGS))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a path that no file can have
        return False


def _sources(file: Path) -> Iterator[RuleSource]:
    document = read_json(read_text(file))
    if isinstance(document, list):
        if not document:
            raise UnreadableFileError("the list holds no rule")
        return (RuleSource(file, f"/{index}", item) for index, item in enumerate(document))
    return iter([RuleSource(file, "", document)])


def read_text(file: Path) -> str:
    """Return the text of a file; raises ``UnreadableFileError`` for what is too long, absent or no UTF-8."""
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise UnreadableFileError(f"the file is larger than {MAX_FILE_BYTES // 1_000_000} MB")
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UnreadableFileError("there is no such file or folder") from None
    except OSError as error:
        raise UnreadableFileError(f"cannot be opened: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UnreadableFileError("is not UTF-8 text") from None
    except ValueError:
        raise UnreadableFileError("no file can be called so") from None


def read_json(text: str) -> Any:
    """Return JSON text as a document; refuses NaN, infinity, a key given twice and nesting beyond the stack.

    Raises ``UnreadableFileError``.
    """
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_twins)
    except json.JSONDecodeError as error:
        raise UnreadableFileError(f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise UnreadableFileError("is nested too deep") from None
    except ValueError as error:
        raise UnreadableFileError(f"is not JSON that is taken: {error}") from None


def _no_constant(name: str) -> Any:
    raise UnreadableFileError(f"{name} is no number in JSON")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise UnreadableFileError(f"the key {twin!r} is given twice in one object")
    return found

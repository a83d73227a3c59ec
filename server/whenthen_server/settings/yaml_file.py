"""One YAML file as a plain document; a name given twice is an error, not a silent last word."""

from __future__ import annotations

from collections.abc import Hashable
from math import isfinite
from pathlib import Path
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Builds plain values only, and refuses what YAML would let pass."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                problem = f"a name must be a text, not {key.value}"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} is given twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float | str:
    value = loader.construct_yaml_float(node)
    return float(value) if isfinite(value) else node.value  # .nan would pass every bound of the schema


def _text(_loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:float", _number)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)
_Loader.add_constructor("tag:yaml.org,2002:binary", _text)


def read_yaml(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the document of a file, and what keeps it from being read (then the document is empty)."""
    try:
        # SafeLoader underneath: see the class above.
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
    except OSError as error:
        return {}, [f"{path}: cannot be read: {error.strerror}"]
    except (UnicodeDecodeError, RecursionError):
        return {}, [f"{path}: is not a YAML file in UTF-8"]
    except yaml.YAMLError as error:
        return {}, [f"{path}: {_where(error)}"]
    if document is None:
        return {}, []
    if not isinstance(document, dict):
        return {}, [f"{path}: must hold settings by name, such as 'server:', not a {type(document).__name__}"]
    return {name: {} if value is None else value for name, value in document.items()}, []


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{place}{getattr(error, 'problem', None) or 'is not YAML'}"

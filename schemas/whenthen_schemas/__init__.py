"""The JSON Schemas of rules, readings, events and problems, one file each; loads one by name."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def load(name: str) -> Any:
    """Return the schema ``<name>.schema.json``, for example ``rule`` or ``condition.comparison``; do not change it.

    >>> load("rule")["type"]
    'object'
    """
    return json.loads(files(__name__).joinpath(f"{name}.schema.json").read_text(encoding="utf-8"))

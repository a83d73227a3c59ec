"""The rules that the demo starts with, from ``rules/*.json``."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def load_rules() -> list[dict[str, Any]]:
    """Return the demo's rules as documents, file by file; each has an id of its own, so putting them twice is once."""
    folder = files("whenthen_server.demo") / "rules"
    pages = sorted((page for page in folder.iterdir() if page.name.endswith(".json")), key=lambda page: page.name)
    return [rule for page in pages for rule in json.loads(page.read_text(encoding="utf-8"))]

"""json-rules-engine over Node: told its rules and readings in a file, it times itself and reports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from measure import Contestant, Lap

NAME = "json-rules-engine"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "whenthen-bench"
_SCRIPT = Path(__file__).with_name("node_peer.cjs")


def contestant(
    rules: Sequence[Any], taken: Sequence[tuple[str, str, float]], first: Mapping[str, float], expected: int
) -> Contestant | None:
    """Return the peer, or ``None`` when Node or the package is not there (see install_node_peer.sh)."""
    node, modules = shutil.which("node"), CACHE / "node_modules"
    if node is None or not (modules / NAME).is_dir():
        return None
    text = json.dumps({"rules": [asdict(rule) for rule in rules], "steps": taken, "first": first})

    def lap() -> Lap:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "input.json"
            path.write_text(text, encoding="utf-8")
            command = [node, str(_SCRIPT), str(path)]
            environment = {**os.environ, "NODE_PATH": str(modules)}
            done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        told = json.loads(done.stdout)
        return told["fired"], told["seconds"]

    def prepare() -> Callable[[], Lap]:
        return lap

    return Contestant(NAME, len(taken), expected, prepare)

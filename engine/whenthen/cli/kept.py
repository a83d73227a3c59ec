"""Findings on disk: for each the rules, the devices and the history that show it, and the command that plays it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from whenthen.analysis.findings import Finding
from whenthen.engine import Engine
from whenthen.recorded.replayable import Replayable, write_json


def keep(folder: Path, findings: Sequence[Finding], engine: Engine) -> dict[int, str]:
    """Write what shows each finding below *folder*; return the ``whenthen replay`` lines by the finding's number."""
    folder.mkdir(parents=True, exist_ok=True)
    replays: dict[int, str] = {}
    for number, finding in enumerate(findings):
        stem = f"{number + 1:03d}-{finding.kind.replace('_', '-')}"
        write_json(folder / f"{stem}.finding.json", finding.to_json())
        if finding.witness.steps:
            files = Replayable(folder / f"{stem}.rules.json", folder / f"{stem}.jsonl", folder / f"{stem}.devices.json")
            rules = [dict(engine.rule(rule_id)) for rule_id in finding.witness.rules]
            replays[number] = files.write(rules, finding.witness.steps, finding.witness.devices or None)
    return replays

"""Findings on disk: for each the rules, the devices and the history that show it, and the command that plays it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from whenthen.analysis.findings import Finding
from whenthen.engine import Engine
from whenthen.recorded.written import lines


def keep(folder: Path, findings: Sequence[Finding], engine: Engine) -> dict[int, str]:
    """Write what shows each finding below *folder*; return the ``whenthen replay`` lines by the finding's number."""
    folder.mkdir(parents=True, exist_ok=True)
    replays: dict[int, str] = {}
    for number, finding in enumerate(findings):
        stem = f"{number + 1:03d}-{finding.kind.replace('_', '-')}"
        (folder / f"{stem}.finding.json").write_text(_text(finding.to_json()), encoding="utf-8")
        if not finding.witness.steps:
            continue
        rules, history = folder / f"{stem}.rules.json", folder / f"{stem}.jsonl"
        rules.write_text(_text([engine.rule(rule_id) for rule_id in finding.witness.rules]), encoding="utf-8")
        history.write_text("".join(f"{line}\n" for line in lines(finding.witness.steps)), encoding="utf-8")
        command = ["whenthen", "replay", str(rules), "--readings", str(history)]
        if finding.witness.devices:
            devices = folder / f"{stem}.devices.json"
            devices.write_text(_text(finding.witness.devices), encoding="utf-8")
            command += ["--devices", str(devices)]
        replays[number] = shlex.join(command)
    return replays


def _text(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"

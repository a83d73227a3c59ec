"""Every seeded defect is found, what only looks like one is not, and every certain finding's history replays."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from seeded.alone import ALONE
from seeded.guarded import GUARDED
from seeded.pairs import PAIRS
from seeded.parts import Maker, Seed

from whenthen.analysis.analyse import analyse
from whenthen.analysis.findings import Finding
from whenthen.analysis.physics import read_effects
from whenthen.cli.directory import read_directory
from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry
from whenthen.recorded import BadRow, Recording
from whenthen.recorded.written import lines
from whenthen.replay import Tally, begin, replay
from whenthen.stage import Stage

NOW_US = 1_767_268_800_000_000
"""2026-01-01, noon."""
COUNT = 500 if os.environ.get("WHENTHEN_PROFILE") in ("ci", "explore") else 20
CLASSES = {**ALONE, **PAIRS, **GUARDED}

Make = Callable[[Maker], Seed]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def found(seed: Seed, registry: Registry) -> list[Finding]:
    return analyse(seed.rules, registry, effects=read_effects(seed.effects), now_us=NOW_US)


def matches(finding: Finding, kind: str, seed: Seed) -> bool:
    return finding.kind == kind and set(finding.rules) == set(seed.expected)


def replayed(finding: Finding, seed: Seed, registry: Registry, folder: Path) -> bool:
    """Play a finding's history as ``whenthen replay`` does and compare what fires."""
    history = folder / "history.jsonl"
    history.write_text("".join(f"{line}\n" for line in lines(finding.witness.steps)), encoding="utf-8")
    devices = finding.witness.devices
    stage = Stage(registry, read_directory(devices) if devices else None)
    with Recording(history) as recording:
        rows = begin(stage, recording)
        for rule in seed.rules:
            if rule["id"] in finding.witness.rules:
                stage.engine.put_rule(rule)
        told = [
            (firing.at.isoformat(), firing.rule_id, firing.kind, [call.to_json() for call in firing.actions])
            for firing in replay(stage, rows, Tally(), on_bad_row=_refuse)
        ]
    expected = [(one["at"], one["rule_id"], one["kind"], one["actions"]) for one in finding.witness.firings]
    return bool(json.loads(json.dumps(told)) == json.loads(json.dumps(expected)))


def _refuse(row: BadRow) -> None:
    raise AssertionError(str(row))


@pytest.mark.parametrize("kind", CLASSES)
def test_every_seeded_defect_is_found_and_its_history_replays(kind: str, registry: Registry, tmp_path: Path) -> None:
    make = CLASSES[kind][0]
    missed, loose, others, total = [], [], 0, 0
    for number in range(COUNT):
        seed = make(Maker(number))
        findings = found(seed, registry)
        hits = [finding for finding in findings if matches(finding, kind, seed)]
        if not hits:
            missed.append((number, seed.rules, [(one.kind, one.grade, one.message) for one in findings]))
        for finding in findings:
            total += 1
            others += finding.kind == kind and not matches(finding, kind, seed)
            others += not set(finding.rules) <= {*seed.expected}
            if finding.grade == "certain" and finding.witness.steps and not replayed(finding, seed, registry, tmp_path):
                loose.append((number, finding.to_json()))
        if hits and hits[0].grade != "certain":
            loose.append((number, hits[0].to_json()))

    assert missed == []
    assert loose == []
    assert others <= total * 0.05


@pytest.mark.parametrize("kind", CLASSES)
def test_what_only_looks_like_a_defect_is_not_told(kind: str, registry: Registry) -> None:
    make = CLASSES[kind][1]
    told = []
    for number in range(COUNT):
        seed = make(Maker(number))
        told += [(number, one.message, seed.rules) for one in found(seed, registry) if one.kind == kind]

    assert told == []

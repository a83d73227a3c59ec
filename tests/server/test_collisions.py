"""The server's look at rules together: what becomes of a table of effects that cannot be used."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from whenthen.analysis.physics import shipped_effects
from whenthen_server.collisions import effects_of


def test_a_file_of_rules_in_the_place_of_the_table_is_told_in_a_short_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "effects.json"
    path.write_text(json.dumps([{"name": f"Rule {n}"} for n in range(500)]), encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        found = effects_of(path)

    (said,) = (record.getMessage() for record in caplog.records)
    assert found is shipped_effects()
    assert "/: must be an object" in said
    assert len(said) < 400 + len(str(path))

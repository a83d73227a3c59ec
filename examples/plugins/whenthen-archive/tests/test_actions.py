from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from whenthen import ActionCall
from whenthen.testing import ActionContract

from whenthen_archive.actions import Archive

CONFIG: Mapping[str, Any] = {
    "measurement": "climate",
    "tags": {"room": "room 7", "device": None},
    "fields": {"temperature": 21.5, "humidity": None},
    "at": "2026-03-02T23:30:00-05:00",
}


class TestArchive(ActionContract):
    action = Archive


def perform(folder: Path, config: Mapping[str, Any]) -> Any:
    services: Any = SimpleNamespace(files=SimpleNamespace(folder=folder))
    return Archive(config).perform(ActionCall("archive", config, "idempotent"), services)


def test_a_point_is_in_the_file_of_its_day_in_utc(tmp_path: Path) -> None:
    assert perform(tmp_path, CONFIG) == {"file": "archive/readings-2026-03-03.lp", "new": True}
    assert (tmp_path / "archive/readings-2026-03-03.lp").read_text() == (
        "climate,room=room\\ 7 temperature=21.5 1772512200000000000\n"
    )


def test_a_repeated_point_is_there_once_and_a_second_later_it_is_another(tmp_path: Path) -> None:
    first, again = perform(tmp_path, CONFIG), perform(tmp_path, CONFIG)
    later = perform(tmp_path, {**CONFIG, "at": "2026-03-02T23:30:01-05:00"})

    assert [first["new"], again["new"], later["new"]] == [True, False, True]
    assert len((tmp_path / "archive/readings-2026-03-03.lp").read_text().splitlines()) == 2


def test_nothing_is_written_when_no_field_has_a_value(tmp_path: Path) -> None:
    assert perform(tmp_path, {**CONFIG, "fields": {"temperature": None}}) == {"file": None, "new": False}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", [{"at": "unknown"}, {"at": "2026-03-02T09:00:00"}, {"name": "../up"}])
def test_what_cannot_be_written_is_a_value_error_and_nothing_is(tmp_path: Path, change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"Invalid isoformat|lacks its offset|not small letters"):
        perform(tmp_path, {**CONFIG, **change})

    assert list(tmp_path.rglob("*.lp")) == []


@pytest.mark.parametrize("at", ["yesterday", "2026-03-02T09:00:00"])
def test_an_instant_that_is_none_is_a_problem_when_the_rule_is_saved(at: str) -> None:
    assert [problem.pointer for problem in Archive({**CONFIG, "at": at}).problems()] == ["/at"]
    assert not list(Archive(CONFIG).problems())
    assert not list(Archive({**CONFIG, "at": "{timestamp}"}).problems())

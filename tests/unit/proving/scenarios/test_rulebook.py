"""The rules of a scenario, found by id or name."""

from __future__ import annotations

import pytest

from whenthen.errors import Problem
from whenthen.proving.scenarios.rulebook import Rulebook

BOOK = Rulebook(
    [{"id": "a", "name": "Warm"}, {"id": "b", "name": "Cold"}, {"id": "c", "name": "Cold"}, {"id": "Warm", "name": "d"}]
)


def find(told: str, book: Rulebook = BOOK) -> tuple[str, list[str]]:
    problems: list[Problem] = []
    return book.find(told, "/run", problems), [problem.code for problem in problems]


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("a", ("a", [])),
        ("d", ("Warm", [])),
        ("Cold", ("", ["ambiguous_rule"])),
        ("Wram", ("", ["unknown_rule"])),
    ],
)
def test_a_rule_is_found_by_id_or_by_a_name_of_its_own(told: str, found: tuple[str, list[str]]) -> None:
    assert find(told) == found


def test_an_id_goes_before_a_name() -> None:
    assert find("Warm") == ("Warm", [])


def test_where_rules_could_not_be_read_an_unknown_name_is_no_mistake() -> None:
    assert find("Hot", Rulebook(BOOK.rules, whole=False)) == ("", [])

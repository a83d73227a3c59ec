"""The registry: tables by kind, owners, and observers that are made once."""

from __future__ import annotations

from whenthen import Function, Observer
from whenthen.extend.registry import KINDS, PluginRecord, Registry


def test_there_is_a_table_for_each_kind() -> None:
    registry = Registry()
    tables = [registry.table(kind) for kind in KINDS]

    assert all(table == {} for table in tables)
    assert len({id(table) for table in tables}) == len(KINDS)


def test_a_thing_is_found_by_its_name_and_so_is_its_owner() -> None:
    registry = Registry()
    double = Function("double", lambda value: 2 * value)
    registry.add("function", "double", double, "mine")

    assert registry.table("function") == {"double": double}
    assert (registry.owner("function", "double"), registry.owner("condition", "double")) == ("mine", None)


def test_expressions_are_offered_only_the_functions_that_are_for_them() -> None:
    registry = Registry()
    for function in (Function("a", abs), Function("b", abs, condition=True), Function("c", abs, action=True)):
        registry.add("function", function.name, function, "mine")

    assert registry.expression_functions() == {"a": abs}


def test_an_observer_is_made_once_and_only_when_it_is_asked_for() -> None:
    made: list[Observer] = []

    class Seen(Observer):
        type = "seen"

        def __init__(self) -> None:
            made.append(self)

    registry = Registry()
    registry.add("observer", "seen", Seen, "mine")

    assert made == []
    assert registry.observer("seen") is registry.observer("seen")
    assert len(made) == 1


def test_a_record_that_is_skipped_says_why() -> None:
    record = PluginRecord("mine", "", "")
    record.skip("no reason")

    assert (record.status, record.problems) == ("skipped", ["no reason"])

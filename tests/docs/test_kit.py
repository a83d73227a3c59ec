"""Everything that the conformance kit checks, and everything that can be set, stands in its guide."""

from pathlib import Path

import pytest

from whenthen.testing import ActionContract, ConditionContract, FunctionContract, TriggerContract

GUIDE = (Path(__file__).parents[2] / "docs" / "plugins" / "testing.md").read_text(encoding="utf-8")
CONTRACTS = (ActionContract, ConditionContract, FunctionContract, TriggerContract)


def test_every_check_of_conditions_is_explained() -> None:
    assert [name for name in dir(ConditionContract) if name.startswith("test_") and f"`{name}`" not in GUIDE] == []


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_attribute_that_can_be_set_is_explained(contract: type) -> None:
    names = {name for cls in contract.__mro__ for name in vars(cls).get("__annotations__", {})}
    settable = names - {"kind", "condition", "action", "trigger", "function"}

    assert settable
    assert sorted(name for name in settable if f"`{name}`" not in GUIDE) == []


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_contract_is_named(contract: type) -> None:
    assert f"`{contract.__name__}`" in GUIDE or f"{contract.__name__})" in GUIDE

"""What an isolated plugin may take."""

from __future__ import annotations

import pytest

from whenthen.extend.isolation import Limits


def test_they_are_a_second_256_megabytes_and_three_strikes_unless_said_otherwise() -> None:
    limits = Limits()

    assert (limits.deadline_seconds, limits.memory_mb, limits.strikes) == (1.0, 256, 3)


@pytest.mark.parametrize("name", ["deadline_seconds", "memory_mb", "strikes", "load_seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_each_must_be_above_zero(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{name} must be above 0"):
        Limits(**{name: value})  # type: ignore[arg-type]

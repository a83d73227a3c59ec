"""The sensor trigger."""

import pytest

from whenthen import SensorTrigger
from whenthen_plugins.triggers.sensor import SensorReads


def test_one_sensor_with_its_interval_in_seconds() -> None:
    trigger = SensorReads({"sensor": "co2", "interval": 0.5, "device": "dev-1"})

    assert trigger.sensors() == (SensorTrigger("co2", "dev-1", 500_000),)
    assert not trigger.scheduled


def test_several_sensors_are_one_trigger_each() -> None:
    triggers = SensorReads({"sensors": ["co2", "humidity"]}).sensors()

    assert triggers == (SensorTrigger("co2"), SensorTrigger("humidity"))


@pytest.mark.parametrize("config", [{}, {"sensor": "co2", "sensors": ["humidity"]}])
def test_neither_or_both_names_are_a_problem(config: dict[str, object]) -> None:
    assert [problem.pointer for problem in SensorReads(config).problems()] == [""]

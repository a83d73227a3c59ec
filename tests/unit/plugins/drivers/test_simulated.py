"""The driver of simulated devices, on the simulated farm itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from whenthen import Command, Device
from whenthen.extend.host import load_registry
from whenthen_plugins.drivers.simulated import Simulated
from whenthen_server.demo import Fault, SimulatedFarm

FAN = Device("fruiting-fan", "fan", "fruiting", "demo")


@pytest.fixture
def services() -> SimpleNamespace:
    return SimpleNamespace(farm=SimulatedFarm(1, 0))


def test_it_is_registered() -> None:
    assert load_registry().table("driver")["simulated"] is Simulated


def test_a_command_reaches_the_device_and_its_acknowledgement_comes_back(services: SimpleNamespace) -> None:
    answer = Simulated({}).send(Command("set_fan", {"value": 30}), FAN, services)
    services.farm.step(5)

    assert answer["status"] == "acknowledged"
    assert services.farm.state()["rooms"]["fruiting"]["machines"]["fan"] == 0.3


def test_a_rejection_is_an_error_with_the_devices_reason(services: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match="there is no command 'fly' here"):
        Simulated({}).send(Command("fly", {}), FAN, services)


def test_no_answer_is_a_timeout(services: SimpleNamespace) -> None:
    services.farm.inject(Fault("silent_device", "fruiting-fan"))
    with pytest.raises(TimeoutError, match="fruiting-fan did not answer turn_on_fan"):
        Simulated({}).send(Command("turn_on_fan", {}), FAN, services)

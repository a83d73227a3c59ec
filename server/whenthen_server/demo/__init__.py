"""A simulated mushroom farm: rooms, weather, devices and faults, for ``whenthen demo`` and for tests."""

from whenthen_server.demo.devices import Ack
from whenthen_server.demo.farm import FarmReading, SimulatedFarm
from whenthen_server.demo.faults import Fault, FaultError
from whenthen_server.demo.rulebook import load_rules

__all__ = ["Ack", "FarmReading", "Fault", "FaultError", "SimulatedFarm", "load_rules"]

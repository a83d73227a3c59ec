"""The built-in actions keep the contract that everybody's actions keep."""

from typing import Any

from whenthen.testing import ActionContract
from whenthen_plugins.actions.device import DeviceCommand, Led, Sound
from whenthen_plugins.actions.outside import Broadcast, CustomAction, Email, Log, Notify, Sms, Webhook
from whenthen_plugins.actions.rules import Emit, RuleControl, RunOtherRule


class Willing:
    """A service that takes whatever it is given, and answers with how much it was."""

    def __getattr__(self, _method: str) -> Any:
        return lambda *given, **named: {"ok": True, "given": len(given) + len(named)}


class Services:
    """Every service, willing."""

    devices = http = files = messages = events = functions = rules = Willing()


class TestDeviceCommand(ActionContract):
    action = DeviceCommand
    services = Services


class TestLed(ActionContract):
    action = Led
    services = Services


class TestSound(ActionContract):
    action = Sound
    services = Services


class TestWebhook(ActionContract):
    action = Webhook
    services = Services


class TestLog(ActionContract):
    action = Log
    services = Services


class TestNotify(ActionContract):
    action = Notify
    services = Services


class TestEmail(ActionContract):
    action = Email
    services = Services


class TestSms(ActionContract):
    action = Sms
    services = Services


class TestBroadcast(ActionContract):
    action = Broadcast
    services = Services


class TestCustomAction(ActionContract):
    action = CustomAction
    services = Services


class TestRuleControl(ActionContract):
    action = RuleControl
    services = Services


class TestRunOtherRule(ActionContract):
    action = RunOtherRule
    services = Services


class TestEmit(ActionContract):
    action = Emit
    services = Services

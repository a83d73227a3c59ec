"""The built-in actions as a rule fires them, carried out by the real services."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from outside.servers import Endpoint

from whenthen import ActionRefusedError, Reading, to_us
from whenthen.engine import Engine
from whenthen.extend.host import load_registry
from whenthen_server.services.files import LogFiles
from whenthen_server.services.functions import Functions
from whenthen_server.services.http import HttpService, HttpSettings
from whenthen_server.services.messages import Messages

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REGISTRY = load_registry()


def perform(action: Mapping[str, Any], services: Any, **values: float) -> Any:
    """Fire a rule with this one action by a reading, and carry the action out as a dispatcher does."""
    engine = Engine(REGISTRY)
    trigger = {"type": "sensor", "config": {"sensors": ["temperature", "humidity", "co2"]}}
    variables = {"comfort_score": "comfort_score(temperature, humidity, co2)"}
    engine.put_rule({"id": "r", "name": "R", "trigger": trigger, "variables": variables, "actions": [action]})
    readings = {"temperature": 21.5, "humidity": 50.0, "co2": 600.0, **values}
    firing = engine.handle(Reading("dev-1", readings, to_us(NOW)))[0]
    call = firing.actions[0]
    assert call.runs
    return REGISTRY.actions[call.type](call.config).perform(call, services)


@pytest.fixture
def services(tmp_path: Path) -> SimpleNamespace:
    return SimpleNamespace(
        http=HttpService(HttpSettings(allow=("127.0.0.1",))),
        files=LogFiles(tmp_path / "logs", logging.getLogger("test.actions")),
        messages=Messages(in_app=lambda _: None),
        functions=Functions(REGISTRY.functions),
        key="the-key",
        deadline_us=None,
    )


def test_a_webhook_carries_the_reading_and_the_key_of_the_call(hook: Endpoint, services: SimpleNamespace) -> None:
    action = {
        "type": "webhook",
        "config": {"url": hook.url, "data": {"value": "{temperature}", "text": "{temperature}°"}},
    }
    result = perform(action, services)

    assert result["status"] == 200
    assert json.loads(hook.received[0].body) == {"value": 21.5, "text": "21.5°"}
    assert hook.received[0].headers["idempotency-key"] == "the-key"


def test_a_webhook_works_where_no_key_is_given(hook: Endpoint) -> None:
    services = SimpleNamespace(http=HttpService(HttpSettings(allow=("127.0.0.1",))))
    perform({"type": "webhook", "config": {"url": hook.url}}, services)

    assert hook.received[0].headers["webhook-id"].startswith("msg_")


def test_a_webhook_whose_host_comes_from_a_placeholder_is_checked_after_filling(services: SimpleNamespace) -> None:
    with pytest.raises(ActionRefusedError, match="private"):
        perform({"type": "webhook", "config": {"url": "http://10.0.0.{co2}/"}}, services, co2=7.0)


def test_the_temperature_logger_of_the_requirements_writes_its_table(services: SimpleNamespace, tmp_path: Path) -> None:
    config = {"file": "temperature_log.csv", "format": "{timestamp},{temperature}", "append": True}
    perform({"type": "log", "config": config}, services)

    assert (tmp_path / "logs" / "temperature_log.csv").read_text() == "2026-03-01T12:00:00+00:00,21.5\n"


def test_a_log_path_that_leaves_the_folder_through_a_placeholder_is_refused(services: SimpleNamespace) -> None:
    engine = Engine(REGISTRY)
    action = {"type": "log", "config": {"file": "{device_id}.log", "message": "x"}}
    trigger = {"type": "sensor", "config": {"sensor": "temperature"}}
    engine.put_rule({"id": "r", "name": "R", "trigger": trigger, "actions": [action]})
    for device in ("../../etc/x", "/etc/x", "a\x00", "..", "con"):
        firing = engine.handle(Reading(device, {"temperature": 1.0}, to_us(NOW)))[0]
        call = firing.actions[0]
        assert call.config["file"] == f"{device}.log"
        with pytest.raises(ActionRefusedError, match="is refused"):
            REGISTRY.actions["log"](call.config).perform(call, services)


def test_a_notification_is_kept_with_who_caused_it(services: SimpleNamespace) -> None:
    kept: list[Mapping[str, Any]] = []
    services.messages, services.origin = Messages(in_app=kept.append), {"rule": "r"}
    result = perform({"type": "notify", "config": {"message": "{temperature} °C"}}, services)

    assert result == {"in_app": True, "sent": 0, "failed": 0}
    assert (kept[0]["message"], kept[0]["key"], kept[0]["origin"]) == ("21.5 °C", "the-key", {"rule": "r"})


def test_the_comfort_rule_of_the_requirements_reports_what_a_display_shows(services: SimpleNamespace) -> None:
    mapping = {"good": {"color": "blue", "threshold": 60}, "poor": {"color": "red", "threshold": 0}}
    params = {"score": "{comfort_score}", "led_mapping": mapping}
    result = perform({"type": "custom", "config": {"function": "update_comfort_display", "params": params}}, services)

    assert result == {"score": 100.0, "level": "good", "color": "blue", "displays": []}


@pytest.mark.parametrize("kind", ["email", "sms"])
def test_a_message_without_settings_is_refused(kind: str, services: SimpleNamespace) -> None:
    config = {"recipients": ["a@example.com"], "message": "x"}
    with pytest.raises(ActionRefusedError, match="settings name no"):
        perform({"type": kind, "config": config}, services)

"""Settings: defaults, file, environment; and what a wrong one says before the server starts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from whenthen_schemas import load
from whenthen_server.settings import Settings, SettingsError, load_settings
from whenthen_server.settings.names import all_settings

REQUIRED_SHAPE = """
automation:
  enabled: true
  storage:
    type: "sqlite"  # or "json"
    path: "data/rules.db"
  scheduler:
    polling_interval: 1.0  # seconds
    max_concurrent_rules: 10
  execution:
    timeout_seconds: 30
    retry_failed_actions: true
    max_action_retries: 3
  history:
    enabled: true
    retention_days: 30
    max_records_per_rule: 1000
  sensors:
    default_poll_interval: 60
    poll_intervals:
      temperature: 30
      humidity: 30
      co2: 60
      motion: 0.1
"""


def refused(tmp_path: Path, text: str, **environ: str) -> str:
    file = tmp_path / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as told:
        load_settings(file, environ)
    return str(told.value)


def test_without_file_and_environment_everything_has_its_default_and_no_secret_has_one() -> None:
    settings = load_settings(None, {})

    assert settings.server.host == "127.0.0.1"
    assert settings.server.port == 5005
    assert settings.database_url == "sqlite:///data/whenthen.db"
    assert [setting.name for setting in all_settings() if setting.secret and setting.schema["default"]] == []


def test_the_file_of_the_requirements_loads_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "automation.yaml"
    file.write_text(REQUIRED_SHAPE, encoding="utf-8")
    settings = load_settings(file, {})

    assert settings.database_url == "sqlite:///data/rules.db"
    assert settings.automation.sensors.poll_intervals["motion"] == 0.1


def test_the_requirements_variables_are_read() -> None:
    names = [
        "DATABASE_URL",
        "REDIS_URL",
        "SECRET_KEY",
        "JWT_SECRET_KEY",
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "IOT_ENDPOINT",
        "IOT_CA_CERT_PATH",
        "IOT_CERT_PATH",
        "IOT_PRIVATE_KEY_PATH",
        "COGNITO_USER_POOL_ID",
        "COGNITO_CLIENT_ID",
        "COGNITO_REGION",
        "CELERY_BROKER_URL",
        "CELERY_RESULT_BACKEND",
        "LOG_LEVEL",
    ]

    assert set(names) <= {name for setting in all_settings() for name in setting.variables}


def test_the_environment_wins_over_the_file_and_the_longer_name_over_the_shorter(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("server: {port: 1}\ndatabase: {url: 'sqlite:///file.db'}", encoding="utf-8")
    environ = {
        "WHENTHEN_SERVER_PORT": "2",
        "DATABASE_URL": "sqlite:///short.db",
        "WHENTHEN_DATABASE_URL": "sqlite:///long.db",
        "WHENTHEN_SERVER_HOSTS": "farm.local, farm.example",
        "WHENTHEN_AUTOMATION_SENSORS_POLL_INTERVALS": "motion=0.1",
        "WHENTHEN_LOGS_REQUESTS": "off",
        "LOG_LEVEL": "debug",
    }
    settings = load_settings(file, environ)

    assert (settings.server.port, settings.database_url) == (2, "sqlite:///long.db")
    assert settings.server.hosts == ("farm.local", "farm.example")
    assert settings.automation.sensors.poll_intervals == {"motion": 0.1}
    assert (settings.logs.requests, settings.logs.level) == (False, "DEBUG")


def test_a_wrong_value_is_told_with_its_name_the_value_and_what_is_allowed(tmp_path: Path) -> None:
    said = refused(tmp_path, "server: {port: 70000}")

    assert said.startswith("server.port: 70000 is not possible; allowed: a whole number from 0 to 65535.")


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("server: {prot: 5}", "did you mean 'port'?"),
        ("automation: {histroy: {}}", "did you mean 'history'?"),
        ("port: 5", "did you mean server.port?"),
        ("logs: {level: WARN}", "did you mean 'WARNING'?"),
    ],
)
def test_a_wrong_name_is_told_with_the_nearest(tmp_path: Path, text: str, near: str) -> None:
    assert near in refused(tmp_path, text)


def test_a_misspelt_variable_is_told_but_a_stranger_is_not_ours_to_judge(tmp_path: Path) -> None:
    assert "did you mean WHENTHEN_SERVER_PORT?" in refused(tmp_path, "", WHENTHEN_SERVER_PROT="1")

    load_settings(None, {"WHENTHEN_PROFILE": "ci", "WHENTHEN_TEST_POSTGRES": "x"})


@pytest.mark.parametrize("name", ["SECRET_KEY", "JWT_SECRET_KEY"])
def test_a_bad_secret_is_refused_without_being_shown(tmp_path: Path, name: str) -> None:
    said = refused(tmp_path, "", **{name: "hunter2"})

    assert "7 characters, not shown" in said
    assert "hunter2" not in said


def test_no_secret_shows_in_the_repr() -> None:
    environ = {
        setting.variables[0]: ("a=" if setting.schema["type"] == "object" else "") + "postgresql://hush" + "x" * 32
        for setting in all_settings()
        if setting.secret and setting.name != "redis.url"
    }
    settings = load_settings(None, {**environ, "REDIS_URL": "redis://hush"})

    assert len(environ) >= 8
    assert "hush" not in repr(settings)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    said = refused(tmp_path, "server: {port: x, host: 5}\nlimits: []", WHENTHEN_LOGS_FILES="many")

    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "limits",
        "logs.files",
        "server.host",
        "server.port",
    ]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("server: {port: 1}\nserver: {port: 2}", "server is given twice"),
        ("server: {port: 1, port: 2}", "port is given twice"),
        ("server: [", "line 1"),
        ("- 1", "must hold settings by name"),
        ("5: x", "a name must be a text"),
        ("automation: {scheduler: {polling_interval: .nan}}", "polling_interval"),
        ("server: {host: 2024-01-01, port: !!python/object/apply:os.getcwd []}", "constructor"),
        ("[" * 5000, "is not a YAML file"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused(tmp_path: Path, text: str, part: str) -> None:
    assert part in refused(tmp_path, text)


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load_settings(Path("/nowhere/settings.yaml"), {})


@pytest.mark.parametrize("value", ["nan", "inf", "1e999", "-1", "ten"])
def test_numbers_from_the_environment_are_finite_and_in_range(tmp_path: Path, value: str) -> None:
    assert "polling_interval" in refused(tmp_path, "", WHENTHEN_AUTOMATION_SCHEDULER_POLLING_INTERVAL=value)


def test_asking_flask_for_debugging_brings_more_log_lines_and_nothing_else() -> None:
    settings = load_settings(None, {"FLASK_DEBUG": "True", "FLASK_ENV": "development"})

    assert dataclasses.replace(settings.logs, level="INFO") == load_settings(None, {}).logs
    assert settings.logs.level == "DEBUG"


def test_a_secret_in_a_table_is_not_shown_either(tmp_path: Path) -> None:
    said = refused(tmp_path, "outbound: {secrets: {door: [hunter2]}}\nmessages: {sms: [{url: hunter2}]}")

    assert "outbound.secrets" in said
    assert "messages.sms" in said
    assert "hunter2" not in said


def test_schema_and_dataclasses_name_the_same_settings_and_every_setting_is_described() -> None:
    def leaves(kind: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        hints = get_type_hints(kind)
        return [
            leaf
            for field in dataclasses.fields(kind)
            for inner in [hints[field.name]]
            for leaf in (
                leaves(inner, (*path, field.name)) if dataclasses.is_dataclass(inner) else [(*path, field.name)]
            )
        ]

    assert leaves(Settings) == [setting.path for setting in all_settings()]
    assert [setting.name for setting in all_settings() if not setting.schema.get("description")] == []
    assert load("settings")["title"] == "Settings"


def test_no_two_settings_share_a_variable() -> None:
    names = [name for setting in all_settings() for name in setting.variables]

    assert len(names) == len(set(names))

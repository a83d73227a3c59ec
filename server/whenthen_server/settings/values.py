"""The settings as one frozen object; what each means and its default stand in ``settings.schema.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Data:
    """Where the server keeps its files."""

    folder: Path


@dataclass(frozen=True, slots=True)
class Server:
    """How the server listens."""

    host: str
    port: int
    kind: Literal["auto", "gunicorn", "werkzeug"]
    hosts: tuple[str, ...]
    origins: tuple[str, ...]
    proxies: int
    max_sockets: int
    request_threads: int
    graceful_seconds: float


@dataclass(frozen=True, slots=True)
class Database:
    """Where readings, rules and executions are kept; ``Settings.database_url`` always has a URL."""

    url: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Redis:
    """Redis, for several processes."""

    url: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Celery:
    """Celery, for several processes."""

    broker_url: str | None = field(repr=False)
    result_backend: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Security:
    """Keys and sessions; without a secret key the data folder has one in a file."""

    secret_key: str | None = field(repr=False)
    jwt_secret_key: str | None = field(repr=False)
    session_hours: float
    session_idle_hours: float


@dataclass(frozen=True, slots=True)
class OpenId:
    """A provider of bearer tokens; *roles* maps a group to ``role@farm``."""

    issuer: str | None
    jwks_url: str | None
    audiences: tuple[str, ...]
    client_claim: str
    algorithms: tuple[str, ...]
    require: Mapping[str, str]
    roles_claim: str
    name_claim: str
    roles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cognito:
    """AWS Cognito."""

    user_pool_id: str | None
    client_id: str | None
    region: str | None
    roles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Aws:
    """Amazon's services."""

    region: str | None
    access_key_id: str | None = field(repr=False)
    secret_access_key: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mqtt:
    """The MQTT broker."""

    endpoint: str | None
    ca_cert_path: Path | None
    cert_path: Path | None
    private_key_path: Path | None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one caller may ask for."""

    body_bytes: int
    batch_bytes: int
    json_depth: int
    requests_per_second: int
    requests_per_minute: int
    refused_per_minute: int
    callers: int
    idempotency_hours: float
    idempotency_answers: int
    sensors_per_device: int


@dataclass(frozen=True, slots=True)
class Logs:
    """What is written about the server's doings."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    format: Literal["text", "json"]
    file: Path | None
    file_bytes: int
    files: int
    requests: bool


@dataclass(frozen=True, slots=True)
class Outbound:
    """What actions may reach; ``secrets`` sign webhooks, by name."""

    allow: tuple[str, ...]
    timeout_seconds: float
    connect_seconds: float
    ca_file: Path | None
    secrets: Mapping[str, str] = field(repr=False)
    log_folder: Path | None


@dataclass(frozen=True, slots=True)
class Mail:
    """The SMTP server of the action ``email``."""

    host: str | None
    port: int
    user: str | None
    password: str | None = field(repr=False)
    security: Literal["starttls", "tls", "none"]
    sender: str | None
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Messages:
    """Where the actions ``notify`` and ``sms`` go, as Apprise URLs, which hold secrets."""

    notify: tuple[str, ...] = field(repr=False)
    sms: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plugins:
    """Which plugins take part."""

    disabled: tuple[str, ...]
    folder: Path | None
    isolated: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept, in days."""

    readings_days: int
    audit_days: int


@dataclass(frozen=True, slots=True)
class Storage:
    """The file of the database, when no URL is given."""

    type: Literal["sqlite"]
    path: Path | None


@dataclass(frozen=True, slots=True)
class Scheduler:
    """When things are looked at: seconds, and actions at once."""

    polling_interval: float
    max_concurrent_rules: int


@dataclass(frozen=True, slots=True)
class Execution:
    """How actions are carried out."""

    timeout_seconds: float
    retry_failed_actions: bool
    max_action_retries: int


@dataclass(frozen=True, slots=True)
class History:
    """Executions that are kept."""

    enabled: bool
    retention_days: int
    max_records_per_rule: int


@dataclass(frozen=True, slots=True)
class Sensors:
    """How often devices that must be asked are asked, in seconds; for drivers to come, none asks yet."""

    default_poll_interval: float
    poll_intervals: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Automation:
    """The rules."""

    enabled: bool
    effects: Path | None
    storage: Storage
    scheduler: Scheduler
    execution: Execution
    history: History
    sensors: Sensors


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the server is told when it starts."""

    data: Data
    server: Server
    database: Database
    redis: Redis
    celery: Celery
    security: Security
    openid: OpenId
    cognito: Cognito
    aws: Aws
    mqtt: Mqtt
    limits: Limits
    logs: Logs
    outbound: Outbound
    mail: Mail
    messages: Messages
    plugins: Plugins
    retention: Retention
    automation: Automation

    @property
    def database_url(self) -> str:
        """Return the database's URL: the one given, or that of a file in the data folder."""
        return self.database.url or f"sqlite:///{self.automation.storage.path or self.data.folder / 'whenthen.db'}"

    @property
    def log_file(self) -> Path:
        """Return the log file."""
        return self.logs.file or self.data.folder / "logs" / "whenthen.log"

"""A server to be killed, senders that keep a ledger of what was acknowledged, and what must hold afterwards."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from killed import load
from sqlalchemy import select

from whenthen.clock import from_us
from whenthen_server.store.database import open_database, reading
from whenthen_server.store.tables import actions, executions, samples, series

LONG_SECONDS = 120.0
_UNLIMITED = 1_000_000


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds: what other processes do is not ours to hurry."""
    until = time.monotonic() + LONG_SECONDS
    while not condition():
        assert time.monotonic() < until, f"in vain waited for: {what}"
        time.sleep(0.01)


@dataclass
class Place:
    """Where a server lives: its folder, its database, and the keys of its devices."""

    folder: Path
    url: str = ""
    keys: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.url = self.url or f"sqlite:///{self.data / 'whenthen.db'}"

    @property
    def data(self) -> Path:
        """Return the server's data folder."""
        return self.folder / "data"

    @property
    def done(self) -> Path:
        """Return the file in which actions leave their lines."""
        return self.folder / "done.log"


class Server:
    """``whenthen serve`` in a place: a real gunicorn process that starts a new worker when its worker is killed."""

    def __init__(self, place: Place, *, wrapper: Sequence[str] = (), port: int = 0, failpoint: str = "") -> None:
        self.place = place
        plugins = place.folder / "plugins"
        plugins.mkdir(parents=True, exist_ok=True, mode=0o700)
        (plugins / "logged.py").write_text(load.PLUGIN, encoding="utf-8")
        settings = {
            "DATABASE_URL": place.url,
            "WHENTHEN_LOGS_REQUESTS": "false",
            "WHENTHEN_LOGS_LEVEL": "ERROR",
            "WHENTHEN_LIMITS_REQUESTS_PER_SECOND": str(_UNLIMITED),
            "WHENTHEN_LIMITS_REQUESTS_PER_MINUTE": str(_UNLIMITED),
            "WHENTHEN_AUTOMATION_HISTORY_MAX_RECORDS_PER_RULE": str(_UNLIMITED),
            **({"WHENTHEN_FAILPOINT": failpoint} if failpoint else {}),
        }
        command = [sys.executable, "-m", "whenthen", "serve", "--plugin-folder", str(plugins)]
        self.process = subprocess.Popen(
            [*wrapper, *command, "--data", str(place.data), "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **settings},
            start_new_session=True,
        )
        self.port = self.worker = 0
        self.ready()

    def ready(self) -> None:
        """Wait until a worker answers."""
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said.startswith("whenthen is at "), f"it does not start: {said!r}"
        self.port = urlsplit(said.split()[-1]).port or 0
        self.worker = int((self.place.data / "server.lock").read_text(encoding="ascii"))

    def furnish(self, devices: Iterable[str]) -> None:
        """Register devices, each with a key, and a rule for each sensor with one action of each kind."""
        for device in devices:
            self._made("/api/devices", {"id": device, "name": device})
            self.place.keys[device] = self._made(f"/api/devices/{device}/key")["key"]
        for number in range(load.SENSORS):
            self._made("/api/automation/rules", load.rule(number, str(self.place.done)))

    def _made(self, path: str, body: Any = None) -> Any:
        key = (self.place.data / "owner.key").read_text(encoding="utf-8").strip()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG_SECONDS)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request("POST", path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        told = answer.read()
        connection.close()
        assert answer.status == 201, told
        return json.loads(told)

    def kill_worker(self) -> None:
        """Kill what answers, as the kernel does when memory ends, and wait for the next one."""
        os.kill(self.worker, signal.SIGKILL)
        self.ready()

    def wait_for_crash(self) -> None:
        """Wait until the worker has killed itself."""
        wait_for(lambda: not _is_alive(self.worker), "the end of the worker, which should have come by itself")

    def kill_all(self) -> None:
        """Kill everything at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self._gone()
        wait_for(lambda: not _is_alive(self.worker), "the end of the worker")

    def stop(self) -> None:
        """End in order."""
        self.process.send_signal(signal.SIGTERM)
        self._gone()

    def _gone(self) -> None:
        self.process.wait(LONG_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()


def _is_alive(process: int) -> bool:
    """Tell whether a process runs that is nobody's child here; a zombie does not."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


class Sender(threading.Thread):
    """A device that posts lists of readings, each value once, and writes down what was acknowledged.

    The ledger is a file that is only added to. What is neither an acknowledgement nor a refusal for now is *strange*.
    """

    def __init__(self, name: str, server: Server, ledger: Path, per_post: int = 5) -> None:
        super().__init__(name=name, daemon=True)
        self.server = server
        self.ledger = ledger
        self.per_post = per_post
        self.acknowledged: list[tuple[str, int]] = []
        self.strange: list[bytes] = []
        self.stopping = threading.Event()
        self._number = 0
        self._at_us = 0

    def run(self) -> None:
        """Send until told to stop; what was not answered is not sent again, so that every value is one attempt."""
        connection: http.client.HTTPConnection | None = None
        with self.ledger.open("a", encoding="utf-8") as ledger:
            while not self.stopping.is_set():
                try:
                    connection = connection or http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
                    for sensor, number in self.post(connection):
                        self.acknowledged.append((sensor, number))
                        ledger.write(f"{self.name} {sensor} {number}\n")
                    ledger.flush()
                except (OSError, http.client.HTTPException):
                    if connection is not None:
                        connection.close()
                    connection = None
                    self.stopping.wait(0.01)
        if connection is not None:
            connection.close()

    def post(self, connection: http.client.HTTPConnection) -> list[tuple[str, int]]:
        """Send one list; return what was acknowledged."""
        given, sent = [], []
        for _ in range(self.per_post):
            self._number += 1
            self._at_us = max(self._at_us + 1, time.time_ns() // 1000 - 1000)
            sensor = f"s{self._number % load.SENSORS}"
            given.append({"timestamp": from_us(self._at_us).isoformat(), "data": {sensor: self._number}})
            sent.append((sensor, self._number))
        headers = {"X-Device-Key": self.server.place.keys[self.name], "Content-Type": "application/json"}
        connection.request("POST", f"/api/devices/{self.name}/data", json.dumps(given), headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 200 and json.loads(body)["stored"] == len(sent):
            return sent
        if answer.status != 503:
            self.strange.append(body)
        return []


@dataclass(frozen=True)
class Found:
    """What the database and the action's own log say after everything."""

    stored: set[tuple[str, str, int]]
    done: Counter[tuple[str, str]]
    said: dict[str, float]
    states: dict[str, str]
    kinds: dict[str, str]
    executions: Counter[str]
    fired: Counter[str]


def look(place: Place) -> Found:
    """Read what is there."""
    database = open_database(place.url)
    with reading(database) as connection:
        if database.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        joined = select(series.c.device_id, series.c.sensor, samples.c.number).join(
            samples, series.c.id == samples.c.series_id
        )
        stored = {(device, sensor, round(number)) for device, sensor, number in connection.execute(joined)}
        wanted = select(actions.c.key, actions.c.state, actions.c.call, actions.c.execution_id)
        rows = connection.execute(wanted).all()
        fired = connection.scalars(select(executions.c.rule_id)).all()
    database.dispose()
    done: Counter[tuple[str, str]] = Counter()
    said = {}
    for line in place.done.read_text(encoding="utf-8").splitlines() if place.done.exists() else []:
        kind, key, value = line.split()
        done[kind, key] += 1
        said[key] = float(value)
    return Found(
        stored,
        done,
        said,
        {row.key: row.state for row in rows},
        {row.key: row.call["type"] for row in rows},
        Counter(row.execution_id for row in rows),
        Counter(f"s{rule_id[1:]}" for rule_id in fired),
    )


def unfinished(place: Place) -> int:
    """Return how many actions wait or are under way."""
    database = open_database(place.url)
    with reading(database) as connection:
        found = connection.execute(select(actions.c.key).where(actions.c.state.in_(("waiting", "sending")))).all()
    database.dispose()
    return len(found)


def demand_all_is_well(place: Place, senders: Sequence[Sender]) -> Found:
    """Assert what may never fail, whatever was killed when."""
    found = look(place)
    assert [text for sender in senders for text in sender.strange] == []
    acknowledged = {(sender.name, *each) for sender in senders for each in sender.acknowledged}
    assert acknowledged - found.stored == set(), "acknowledged readings are lost"
    assert {key for (kind, key), times in found.done.items() if kind == "log_once" and times > 1} == set()
    assert {key for _, key in found.done if key not in found.states} == set(), "something was done that is not stored"
    values = {number for _, _, number in found.stored}
    assert {value for value in found.said.values() if value not in values} == set(), "acted on what is not stored"
    done = {key for key, state in found.states.items() if state == "done"}
    assert {key for key in done if not found.done[found.kinds[key], key]} == set(), "done, they say, but it was not"
    assert set(found.executions.values()) <= {2}, "a firing is stored without its two actions"
    assert found.executions.total() == 2 * found.fired.total(), "a firing is stored without its two actions"
    readings = Counter(sensor for _, sensor, _ in found.stored)
    assert readings == found.fired, "a reading is stored without its firing, or a firing without its reading"
    return found

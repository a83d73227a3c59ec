"""A server to be killed, senders that keep a ledger of what was acknowledged, and what must hold afterwards."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from killed import child

SUPPORT = Path(__file__).parents[1]
LONG_SECONDS = 60.0


class Server:
    """One server in a folder: a real gunicorn process that starts a new worker when its worker is killed."""

    def __init__(self, folder: Path, *, wrapper: Sequence[str] = (), port: int = 0, failpoint: str = "") -> None:
        self.folder = folder
        plugins = folder / "plugins"
        plugins.mkdir(parents=True, exist_ok=True, mode=0o700)
        (plugins / "logged.py").write_text(child.PLUGIN, encoding="utf-8")
        given = {
            "WHENTHEN_DATA_FOLDER": folder / "data",
            "WHENTHEN_SERVER_PORT": port,
            "WHENTHEN_PLUGINS_FOLDER": plugins,
            "WHENTHEN_LOGS_REQUESTS": "false",
            "WHENTHEN_LOGS_LEVEL": "ERROR",
            "WHENTHEN_LIMITS_REQUESTS_PER_SECOND": 1_000_000,
            "WHENTHEN_LIMITS_REQUESTS_PER_MINUTE": 1_000_000,
        }
        environment = {**os.environ, **({"WHENTHEN_FAILPOINT": failpoint} if failpoint else {})}
        self.process = subprocess.Popen(
            [
                *wrapper,
                sys.executable,
                "-m",
                "killed.child",
                *(f"{name}={value}" for name, value in given.items()),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
            cwd=SUPPORT,
            start_new_session=True,
        )
        self.port, self.worker = self.ready()
        self.key = (folder / "data" / "owner.key").read_text(encoding="utf-8").strip()

    def ready(self) -> tuple[int, int]:
        """Wait until a worker answers; return its port and process id."""
        assert self.process.stdout is not None
        url, worker = self.process.stdout.readline().split()
        self.port, self.worker = urlsplit(url).port or 0, int(worker)
        return self.port, self.worker

    def kill_worker(self) -> None:
        """Kill what answers, as the kernel does when memory ends, and wait for the next one."""
        os.kill(self.worker, signal.SIGKILL)
        self.ready()

    def wait_for_crash(self) -> None:
        """Wait until the worker has killed itself."""
        until = time.monotonic() + LONG_SECONDS
        while Path(f"/proc/{self.worker}").exists():
            assert time.monotonic() < until, "it lives, though it should have come to its end"
            time.sleep(0.01)  # a process is waited for that is nobody's child here

    def kill_all(self) -> None:
        """Kill everything at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self._gone()

    def stop(self) -> None:
        """End in order."""
        self.process.send_signal(signal.SIGTERM)
        self._gone()

    def _gone(self) -> None:
        self.process.wait(LONG_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()


class Sender(threading.Thread):
    """Posts lists of readings, each value once, and writes what was acknowledged into a file that is only added to."""

    def __init__(self, name: str, server: Server, ledger: Path, per_post: int = 5) -> None:
        super().__init__(name=name, daemon=True)
        self.server = server
        self.ledger = ledger
        self.per_post = per_post
        self.acknowledged: list[tuple[str, int]] = []
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
            sensor = f"s{self._number % child.SENSORS}"
            given.append([self.name, {sensor: self._number}, self._at_us])
            sent.append((sensor, self._number))
        headers = {"Authorization": f"Bearer {self.server.key}", "Content-Type": "application/json"}
        connection.request("POST", "/given", json.dumps(given), headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            return []
        assert json.loads(body)["stored"] == len(sent)
        return sent


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


def look(folder: Path) -> Found:
    """Read what is there."""
    database = sqlite3.connect(folder / "data" / "whenthen.db")
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    stored = {
        (device, sensor, round(number))
        for device, sensor, number in database.execute(
            "SELECT device_id, sensor, number FROM samples JOIN series ON series.id = series_id"
        )
    }
    actions = database.execute("SELECT key, state, json_extract(call, '$.type'), execution_id FROM actions").fetchall()
    executions = database.execute("SELECT id, rule_id FROM executions").fetchall()
    database.close()
    done: Counter[tuple[str, str]] = Counter()
    said = {}
    log = folder / "data" / "done.log"
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else []:
        kind, key, value = line.split()
        done[kind, key] += 1
        said[key] = float(value)
    return Found(
        stored,
        done,
        said,
        {key: state for key, state, _, _ in actions},
        {key: kind for key, _, kind, _ in actions},
        Counter(row[3] for row in actions),
        Counter(f"s{rule_id[1:]}" for _, rule_id in executions),
    )


def demand_all_is_well(folder: Path, senders: Sequence[Sender]) -> Found:
    """Assert what may never fail, whatever was killed when."""
    found = look(folder)
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

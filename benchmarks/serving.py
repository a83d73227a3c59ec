"""The server in a process of its own, with devices and rules, for benchmarks that talk to it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whenthen.extend.host import load_registry
from whenthen.runtime import Runtime
from whenthen.runtime.items import PutRule
from whenthen_server.store.journal import open_journal
from whenthen_server.store.places import DeviceRecord, Places, PutPlace

DEVICES = 20
QUIET = ("WHENTHEN_LOGS_REQUESTS=off", "WHENTHEN_SERVER_PORT=0")
UNLIMITED = ("WHENTHEN_LIMITS_REQUESTS_PER_SECOND=100000", "WHENTHEN_LIMITS_REQUESTS_PER_MINUTE=6000000")


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs: its *port*, and the process that answers."""

    port: int
    pid: int

    def memory_mb(self) -> float:
        """Return the memory that the process has now."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def processor_seconds(self) -> float:
        """Return the processor's time that the process has taken so far."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def fill(data: Path, rules: Iterable[Mapping[str, Any]], plugins: Path | None = None) -> None:
    """Make a data folder with ``DEVICES`` devices, dev-0 and so on, and *rules*."""
    data.mkdir(mode=0o700)
    journal = open_journal(f"sqlite:///{data / 'whenthen.db'}")
    places = Places(journal.engine)
    registry = load_registry(folder=plugins)
    with Runtime(registry, journal, directory=places, before_load=lambda: places.load(1)) as runtime:
        tickets: list[Any] = [
            runtime.submit(PutPlace(places, DeviceRecord(f"dev-{i}", "default", f"dev-{i}", 1), True))
            for i in range(DEVICES)
        ]
        tickets += [runtime.submit(PutRule(rule, "benchmark")) for rule in rules]
        for ticket in tickets:
            ticket.wait()
    journal.engine.dispose()


def quiet_rule(number: int) -> dict[str, Any]:
    """Return a rule of one of the devices that never fires."""
    sensor = f"s{number % 50}"
    return {
        "id": f"r{number}",
        "name": f"r{number}",
        "scope": {"device": f"dev-{number % DEVICES}"},
        "trigger": {"type": "sensor", "config": {"sensor": sensor}},
        "conditions": [{"type": "comparison", "config": {"sensor": sensor, "operator": ">", "value": 1_000 + number}}],
        "actions": [{"type": "log", "config": {"message": "{timestamp}"}}],
    }


def owner_headers(data: Path) -> str:
    """Return the headers of a request by the owner of a data folder."""
    return f"Authorization: Bearer {(data / 'owner.key').read_text(encoding='utf-8').strip()}\r\n"


@contextmanager
def ours(data: Path, *env: str) -> Iterator[Served]:
    """Serve a data folder, with settings as NAME=VALUE, without limits and request lines."""
    with served(["-m", "whenthen", "serve", "--data", str(data)], *UNLIMITED, *QUIET, *env) as found:
        yield found


@contextmanager
def served(command: list[str], *env: str) -> Iterator[Served]:
    """Start a server in a process of its own; give it once it says its address."""
    settings = {**os.environ, **dict(pair.split("=", 1) for pair in env)}
    with subprocess.Popen([sys.executable, *command], env=settings, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = next(line for line in process.stdout if "is at" in line)
            found = re.search(r":(\d+)/", said)
            assert found is not None
            yield Served(int(found[1]), _worker(process.pid))
        finally:
            process.terminate()
            process.wait(30)


def _worker(pid: int) -> int:
    """Return the process that answers: gunicorn's child."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return int(children.read_text(encoding="ascii").split()[0]) if children.exists() else pid

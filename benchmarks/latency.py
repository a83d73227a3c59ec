"""How long it takes from a reading's arrival over HTTP to the action of the rule that it fires, at half load."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import serving
from measure import Figure, agree
from web_client import paced, post

CONNECTIONS = 16
_PLUGIN = '''
import os, time
from whenthen import Action, hookimpl

class Noted(Action):
    """Notes how long ago the reading was sent, in microseconds: the clock is the same for all processes."""

    type = "noted"
    delivery = "idempotent"
    schema = {"type": "object", "properties": {"sent_us": {"type": "string"}}, "additionalProperties": False}

    def perform(self, call, services):
        took_us = time.monotonic_ns() // 1000 - int(float(call.config["sent_us"]))
        file = os.open(os.environ["NOTED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, b"%d\\n" % took_us)
        os.close(file)

@hookimpl
def whenthen_actions():
    return [Noted]
'''


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it: of *every* so many readings one fires, a rule of its own each time."""

    rules: int
    warm_up: int
    readings: int
    every: int
    rounds: int


SIZES = {
    "full": Size(1_000, 4_000, 8_000, 20, 5),
    "quick": Size(1_000, 2_000, 4_000, 20, 3),
    "tiny": Size(5, 40, 40, 4, 1),
}


def run(size: Size) -> Iterator[Figure]:
    """Measure the most that one client gets through, then send half of that, some of which fires."""
    p50, p99, rates = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, noted, plugins = folder / "data", folder / "noted", folder / "plugins"
        plugins.mkdir()
        (plugins / "noted.py").write_text(_PLUGIN, encoding="utf-8")
        fires = size.readings // size.every
        rules = [serving.quiet_rule(number) for number in range(size.rules)]
        rules += [_firing_rule(number) for number in range(fires * size.rounds)]
        serving.fill(data, rules, plugins)
        with serving.ours(data, f"WHENTHEN_PLUGINS_FOLDER={plugins}", f"NOTED={noted}") as server:
            headers = serving.owner_headers(data)
            for turn in range(size.rounds):
                warm_up = [_quiet(number, turn) for number in range(size.warm_up)]
                most = post(server.port, headers, warm_up, CONNECTIONS).rate
                noted.write_text("", encoding="ascii")
                sent = (_sent(number, turn, size) for number in range(size.readings))
                run = paced(server.port, headers, sent, CONNECTIONS, most / 2)
                took_ms = sorted(int(line) / 1000 for line in _lines(noted, fires))
                p50.append(took_ms[len(took_ms) // 2])
                p99.append(took_ms[int(len(took_ms) * 0.99)])
                rates.append((run.rate, most))
    note = f"{rates[0][0]:.0f} readings/s of {rates[0][1]:.0f} at most in the first round; {fires} firings a round"
    yield Figure("Latency", "from arrival to action, p50", tuple(p50), "ms", 10.0, at_least=False, note=note)
    yield Figure("Latency", "from arrival to action, p99", tuple(p99), "ms", 50.0, at_least=False)


def _firing_rule(number: int) -> dict[str, Any]:
    rule = serving.quiet_rule(number)
    sensor = f"p{number}"
    hot = {"type": "comparison", "config": {"sensor": sensor, "operator": ">", "value": 0}}
    noted = {"type": "noted", "config": {"sent_us": f"{{{sensor}}}"}}
    trigger = {"type": "sensor", "config": {"sensor": sensor}}
    return {
        **rule,
        "id": f"p{number}",
        "name": f"p{number}",
        "trigger": trigger,
        "conditions": [hot],
        "actions": [noted],
    }


def _quiet(number: int, turn: int) -> tuple[str, bytes]:
    body = json.dumps({f"s{number % 50}": number % 97 + turn / 8})
    return f"/api/devices/dev-{number % serving.DEVICES}/data", body.encode()


def _sent(number: int, turn: int, size: Size) -> tuple[str, bytes]:
    """Return a reading; one that fires says when it was made, which is when it is sent."""
    if number % size.every:
        return _quiet(number, turn)
    rule = number // size.every + turn * (size.readings // size.every)
    body = json.dumps({f"p{rule}": time.monotonic_ns() // 1000})
    return f"/api/devices/dev-{rule % serving.DEVICES}/data", body.encode()


def _lines(file: Path, wanted: int) -> list[str]:
    """Return the lines once all are there."""
    until = time.monotonic() + 20
    while True:
        lines = file.read_text(encoding="ascii").splitlines()
        if len(lines) >= wanted or time.monotonic() > until:
            agree("actions", len(lines), wanted)
            return lines
        time.sleep(0.05)

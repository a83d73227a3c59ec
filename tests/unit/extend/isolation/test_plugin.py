"""An isolated plugin does what it does in the engine's own process, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest

from whenthen import ActionCall, Effect, EmitEvent, PluginError, Reading, SensorRef
from whenthen.engine import Engine, merge_state
from whenthen.errors import PluginRaisedError, PluginTimeoutError
from whenthen.extend.host import load_registry
from whenthen.extend.isolation import IsolatedPlugin, Limits, isolated_plugin, process
from whenthen.extend.isolation.proxies import _served
from whenthen.extend.registry import Registry

S = 1_000_000
SOURCE = """
    import time
    from whenthen import *

    class Rising(Condition):
        '''Above the last value.'''
        type = "rising"
        schema = {"type": "object", "properties": {"by": {"type": "number"}}}
        reads = ("temperature",)
        def evaluate(self, view):
            last = view.state.get("last")
            view.state["last"] = view["temperature"]
            return None if last is None else view["temperature"] - last > self.config.get("by", 0)
        def cuts(self):
            return None
        def describe(self):
            return f"rising by {self.config.get('by', 0)}"
        def problems(self):
            if self.config.get("by", 0) < 0:
                yield Problem("bad_value", "/by", "goes down", "turn it around")

    class Held(Condition):
        type = "held"
        reads = ("temperature",)
        def evaluate(self, view):
            since_us = view.state.setdefault("since_us", view.now_us)
            return view.now_us - since_us >= 60_000_000
        def due_in(self, view):
            return 60 - (view.now_us - view.state["since_us"]) / 1_000_000

    class Never(Condition):
        type = "neither"
        nested = "conditions"
        schema = {"type": "object", "properties": {"conditions": {"type": "array"}}}
        def evaluate(self, view):
            return False if True in view.truths else None if None in view.truths else True

    class Vent(Action):
        type = "vent"
        services = ("http", "devices")
        delivery = "idempotent"
        def effects(self, config):
            return (Effect("vent", config["to"], "vent-1"),)
        def consequences(self, config):
            return (EmitEvent("vented", {"to": config["to"]}),)
        def perform(self, call, services):
            if call.config["to"] == "hang":
                time.sleep(1000)
            if call.config["to"] == "files":
                return services.files.log({})
            return services.http.request(call.config, retries=2)

    class Minutely:
        def next_after(self, after_us):
            return (after_us // 60_000_000 + 1) * 60_000_000

    class EveryMinute(Trigger):
        type = "every_minute"
        def schedule(self, place):
            return Minutely()

    def hot(view, params):
        return view["temperature"] > params["over"]

    @hookimpl
    def whenthen_conditions(): return [Rising, Held, Never]
    @hookimpl
    def whenthen_actions(): return [Vent]
    @hookimpl
    def whenthen_triggers(): return [EveryMinute]
    @hookimpl
    def whenthen_functions():
        return [
            Function("double", lambda x: 2 * x),
            Function("hot", hot, condition=True, reads=("temperature",)),
        ]
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IsolatedPlugin]:
    path = tmp_path_factory.mktemp("plugins") / "greenhouse.py"
    path.write_text(dedent(SOURCE), encoding="utf-8")
    found = isolated_plugin(str(path), "greenhouse", Limits(deadline_seconds=5.0))
    yield found
    found.close()


@pytest.fixture(scope="module")
def registry(plugin: IsolatedPlugin) -> Registry:
    return load_registry(extra=[("greenhouse", plugin)])


def rule(*conditions: Any, **more: Any) -> dict[str, Any]:
    trigger = {"type": "sensor", "config": {"sensor": "temperature"}}
    actions = [{"type": "log", "config": {"message": "x"}}]
    return {"id": "r", "name": "r", "trigger": trigger, "conditions": [*conditions], "actions": actions, **more}


def fired_at(engine: Engine, *temperatures: float) -> list[int]:
    readings = [Reading("d", {"temperature": value}, second * S) for second, value in enumerate(temperatures, 1)]
    return [firing.at_us // S for reading in readings for firing in engine.handle(reading)]


def test_everything_is_registered_as_from_a_plugin_of_this_process(registry: Registry) -> None:
    record = registry.plugins[-1]

    assert (record.problems, record.registered) == (
        [],
        {
            "trigger": ["every_minute"],
            "condition": ["rising", "held", "neither"],
            "action": ["vent"],
            "function": ["double", "hot"],
        },
    )
    assert registry.conditions["rising"].schema["properties"] == {"by": {"type": "number"}}
    assert registry.conditions["rising"].__doc__ == "Above the last value."


def test_a_condition_remembers_and_its_memory_survives_a_restart(registry: Registry) -> None:
    document = rule({"type": "rising", "config": {"by": 1}})
    engine = Engine(registry)
    engine.put_rule(document)
    assert fired_at(engine, 20, 22, 22.5) == [2]
    state = json.loads(json.dumps(merge_state({}, engine.changed_state())))
    restored = Engine.restore(registry, None, [document], state)

    assert [f.at_us for f in restored.handle(Reading("d", {"temperature": 24.0}, 9 * S))] == [9 * S]
    assert restored.take_notices() == []


def test_a_condition_may_wait(registry: Registry) -> None:
    engine = Engine(registry)
    engine.put_rule(rule({"type": "held"}, trigger={"type": "time", "config": {"cron": "0 0 * * *"}}))
    engine.handle(Reading("d", {"temperature": 20.0}, S))

    assert engine.next_due_us == 61 * S


def test_a_condition_sees_the_truth_of_those_inside_it(registry: Registry) -> None:
    warm = {"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 20}}
    engine = Engine(registry)
    engine.put_rule(rule({"type": "neither", "config": {"conditions": [warm]}}))

    assert fired_at(engine, 25, 15, 25) == [2]


def test_what_a_condition_finds_wrong_is_told_with_its_place(registry: Registry) -> None:
    found = registry.conditions["rising"]({"by": -1}).problems()

    assert [(problem.pointer, problem.hint) for problem in found] == [("/by", "turn it around")]
    assert registry.conditions["rising"]({"by": 2}).describe() == "rising by 2"
    assert registry.conditions["rising"]({}).sensors() == (SensorRef("temperature"),)


def test_functions_serve_expressions_and_custom_conditions(registry: Registry) -> None:
    engine = Engine(registry)
    engine.put_rule(
        rule(
            {"type": "expression", "config": {"expression": "double(temperature) > 40"}},
            {"type": "custom", "config": {"function": "hot", "params": {"over": 22}}},
        )
    )

    assert fired_at(engine, 19, 21, 23) == [3]


def test_a_trigger_has_a_schedule(registry: Registry) -> None:
    engine = Engine(registry)
    engine.put_rule(rule(trigger={"type": "every_minute"}))

    assert [firing.at_us // S for firing in engine.advance(150 * S)] == [60, 120]


def test_an_action_has_effects_and_consequences(registry: Registry) -> None:
    action = registry.actions["vent"]({"to": "open"})

    assert action.effects({"to": "open"}) == (Effect("vent", "open", "vent-1"),)
    assert action.consequences({"to": "open"}) == (EmitEvent("vented", {"to": "open"}),)
    assert (action.delivery_of(), action.touches_subject()) == ("idempotent", False)


class Http:
    """A service that notes what it is asked, and fails if told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[Any] = []
        self.error = error

    def request(self, config: Any, *, retries: int) -> Any:
        self.asked.append((config, retries))
        if self.error is not None:
            raise self.error
        return {"status": 200}


def perform(registry: Registry, to: str, http: Http) -> Any:
    action = registry.actions["vent"]({"to": to})
    return action.perform(ActionCall("vent", {"to": to}, "idempotent"), SimpleNamespace(http=http, files=http))


def test_an_action_asks_the_services_that_it_declares(registry: Registry) -> None:
    http = Http()

    assert perform(registry, "open", http) == {"status": 200}
    assert http.asked == [({"to": "open"}, 2)]


def test_the_time_of_a_service_is_not_the_actions(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(process, "time", SimpleNamespace(monotonic=lambda: clock.now))

    class Slow(Http):
        def request(self, config: Any, *, retries: int) -> Any:
            clock.now += 1_000
            return super().request(config, retries=retries)

    assert perform(registry, "open", Slow()) == {"status": 200}


def test_a_worker_cannot_reach_a_service_that_the_action_does_not_declare() -> None:
    services = SimpleNamespace(files=Http(), http=Http())

    assert "raised" in _served(services, ["http"], ["files", "request", [{}], {"retries": 1}])
    assert "raised" in _served(services, ["http"], ["http", "__init__", [], {}])
    assert (services.files.asked, services.http.asked) == ([], [])


def test_what_a_service_raises_reaches_the_action(registry: Registry) -> None:
    with pytest.raises(PluginRaisedError, match=r"service http\.request raised OSError: unreachable"):
        perform(registry, "open", Http(OSError("unreachable")))


def test_a_service_that_is_not_declared_is_refused(registry: Registry) -> None:
    http = Http()
    with pytest.raises(PluginRaisedError, match=r"asked for the service 'files', which its services do not declare"):
        perform(registry, "files", http)

    assert http.asked == []


def test_an_action_that_hangs_is_ended_with_a_code_and_others_go_on(tmp_path: Path) -> None:
    path = tmp_path / "greenhouse.py"
    path.write_text(dedent(SOURCE), encoding="utf-8")
    plugin = isolated_plugin(str(path), "greenhouse", Limits(deadline_seconds=0.5))
    registry = load_registry(extra=[("greenhouse", plugin)])
    with pytest.raises(PluginTimeoutError, match=r"did not answer within 0\.5 s; strike 1 of 3") as caught:
        perform(registry, "hang", Http())

    assert caught.value.code == "plugin_timeout"
    assert perform(registry, "open", Http()) == {"status": 200}
    plugin.close()


def test_closing_ends_the_processes(tmp_path: Path) -> None:
    path = tmp_path / "greenhouse.py"
    path.write_text(dedent(SOURCE), encoding="utf-8")
    plugin = isolated_plugin(str(path), "greenhouse")
    [pid] = plugin.pids
    ending = os.pidfd_open(pid)
    plugin.close()

    assert gone(ending)
    assert plugin.pids == ()


def test_what_is_no_plugin_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        PluginError, match=r"cannot be imported in a process of its own: it .*nothing\.py cannot be read"
    ):
        isolated_plugin(str(tmp_path / "nothing.py"), "nothing")


ORPHAN = """
import sys
from whenthen.extend.isolation import isolated_plugin
plugin = isolated_plugin(sys.argv[1], "greenhouse")
print(*plugin.pids, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("end", ["exits", "is killed"])
def test_a_worker_ends_when_its_parent(end: str, tmp_path: Path) -> None:
    path = tmp_path / "greenhouse.py"
    path.write_text(dedent(SOURCE), encoding="utf-8")
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    worker = os.pidfd_open(int(parent.stdout.readline()))
    if end == "is killed":
        parent.send_signal(signal.SIGKILL)
    parent.communicate()

    assert gone(worker)


BUSY = """
import os
from whenthen import *
def busy():
    os.write(2, b"busy\\n")
    {body}
@hookimpl
def whenthen_functions():
    return [Function("busy", busy)]
"""
ASKS = """
import sys
from whenthen.extend.host import load_registry
from whenthen.extend.isolation import Limits, isolated_plugin
plugin = isolated_plugin(sys.argv[1], "busy", Limits(deadline_seconds=3.0))
registry = load_registry(extra=[("busy", plugin)])
print(*plugin.pids, flush=True)
registry.functions["busy"].call()
"""


@pytest.mark.parametrize("body", ["__import__('time').sleep(1000)", "9 ** 9 ** 9"], ids=["sleeps", "spins"])
def test_a_worker_that_is_busy_when_its_parent_is_killed_ends_itself(body: str, tmp_path: Path) -> None:
    # Nobody is left to end it, and it reads no end of its input. Without its alarm the one that sleeps stays for ever;
    # the one that spins is ended by its limit of processor time as well.
    path = tmp_path / "busy.py"
    path.write_text(BUSY.format(body=body), encoding="utf-8")
    parent = subprocess.Popen(
        [sys.executable, "-c", ASKS, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stderr is not None
    worker = os.pidfd_open(int(parent.stdout.readline()))
    assert parent.stderr.readline() == "busy\n"
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    parent.stderr.close()

    assert gone(worker)


def test_what_a_plugin_started_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "forks.py"
    path.write_text(
        dedent(
            """
            import subprocess, sys
            from whenthen import *
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
            @hookimpl
            def whenthen_functions():
                return [Function("child", lambda: child.pid)]
            """
        ),
        encoding="utf-8",
    )
    plugin = isolated_plugin(str(path), "forks", Limits(deadline_seconds=5.0))
    registry = load_registry(extra=[("forks", plugin)])
    grandchild = os.pidfd_open(registry.functions["child"].call())
    plugin.close()

    assert gone(grandchild)


def gone(pidfd: int) -> bool:
    """Tell whether a process ends within 30 seconds; the descriptor becomes readable when it does."""
    try:
        return bool(select.select([pidfd], [], [], 30)[0])
    finally:
        os.close(pidfd)

"""What a worker answers: it holds the real plugin, and makes of each question a call of it."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from whenthen.errors import PluginError
from whenthen.extend.action import Action
from whenthen.extend.admit import admit
from whenthen.extend.condition import Condition, View
from whenthen.extend.fault import wrong_truth
from whenthen.extend.folder import load_file
from whenthen.extend.guarded import shown
from whenthen.extend.hookspecs import NAMESPACE, Function
from whenthen.extend.isolation.wire import line_of, packed
from whenthen.extend.trigger import Place, Trigger

CallService = Callable[[str, str, list[Any], dict[str, Any]], Any]
COPIED = ("schema", "examples", "reads", "nested", "needs_functions", "delivery", "services", "blank_texts")
"""What a proxy's class has of the real one's."""

_BASES: dict[str, type] = {"condition": Condition, "action": Action, "trigger": Trigger}
_KEPT_OBJECTS = 4_096
"""So many conditions, actions and triggers a worker keeps made, by type and config."""


class Served:
    """One plugin and the things that it registered."""

    def __init__(self, call_service: CallService) -> None:
        self._call_service = call_service
        self._plugin: Any = None
        self._things: dict[tuple[str, str], Any] = {}
        self._made = lru_cache(maxsize=_KEPT_OBJECTS)(self._make)
        self._answers: dict[str, Callable[[Mapping[str, Any]], Any]] = {
            "load": self._load,
            "hook": self._hook,
            "about": self._about,
            "evaluate": self._evaluate,
            "due_in": self._due_in,
            "effects": self._effects,
            "consequences": self._effects,
            "perform": self._perform,
            "function": self._function,
            "schedule": self._schedule,
        }

    def answer(self, question: Mapping[str, Any]) -> Any:
        """Return what the plugin answers, JSON and the wire's values; raises whatever the plugin raises."""
        return self._answers[question["do"]](question)

    # The plugin as a whole

    def _load(self, question: Mapping[str, Any]) -> Any:
        plugin = self._plugin = loaded(question["source"], question["name"])
        names = [name for name in dir(plugin) if name.startswith(f"{NAMESPACE}_")]
        marked = {name: _is_marked(getattr(plugin, name, None)) for name in names if name != f"{NAMESPACE}_api"}
        api = getattr(plugin, f"{NAMESPACE}_api", None)
        return {"api": api if isinstance(api, int) else None, "has_api": api is not None, "marked": marked}

    def _hook(self, question: Mapping[str, Any]) -> Any:
        kind = question["hook"].removeprefix(f"{NAMESPACE}_").removesuffix("s")
        told = []
        for thing in getattr(self._plugin, question["hook"])():
            about = _about(kind, thing)
            told.append(about)
            if "refused" not in about:
                self._things.setdefault((kind, about["name"]), thing)
        return told

    def _make(self, kind: str, name: str, config: str, children: int) -> Any:
        if (kind, name) not in self._things:
            self._hook({"hook": f"{NAMESPACE}_{kind}s"})  # a worker that was started anew
        cls = self._things[kind, name]
        values = json.loads(config)
        return cls(values, [Condition({})] * children) if kind == "condition" else cls(values)

    def _thing(self, question: Mapping[str, Any]) -> Any:
        config = json.dumps(question["config"], sort_keys=True)
        return self._made(question["kind"], question["type"], config, question.get("children", 0))

    # A condition, an action or a trigger with its config

    def _about(self, question: Mapping[str, Any]) -> Any:
        """Return what one says of itself; its problems only, if it has any."""
        thing = self._thing(question)
        problems = list(thing.problems())
        if problems:
            return {"problems": problems}
        methods = {
            "condition": ("sensors", "functions", "cuts", "bounds", "describe"),
            "action": ("functions", "delivery_of", "touches_subject", "describe"),
            "trigger": ("sensors", "events", "describe"),
        }[question["kind"]]
        about = {name: getattr(thing, name)() for name in methods if hasattr(thing, name)}
        if about.get("cuts") is not None:
            about["cuts"] = [[ref, list(cuts)] for ref, cuts in about["cuts"].items()]
        if question["kind"] == "trigger":
            about["timezone"] = thing.timezone
        return about

    def _evaluate(self, question: Mapping[str, Any]) -> Any:
        view, before = _view(question)
        truth = self._thing(question).evaluate(view)
        if truth is not True and truth is not False and truth is not None:
            raise PluginError(wrong_truth(truth))
        return {"truth": truth, **_memory(view, before)}

    def _due_in(self, question: Mapping[str, Any]) -> Any:
        return self._thing(question).due_in(_view(question)[0])

    def _effects(self, question: Mapping[str, Any]) -> Any:
        return list(getattr(self._thing(question), question["do"])(question["filled"]))

    def _perform(self, question: Mapping[str, Any]) -> Any:
        action = self._thing(question)
        return action.perform(question["call"], _Services(self._call_service, tuple(action.services)))

    def _function(self, question: Mapping[str, Any]) -> Any:
        if ("function", question["type"]) not in self._things:
            self._hook({"hook": f"{NAMESPACE}_functions"})
        call = self._things["function", question["type"]].call
        if "view" not in question:
            result = call(*question["arguments"])
            if inspect.iscoroutine(result):
                raise PluginError(wrong_truth(result))
            return result
        view, before = _view(question)
        truth = call(view, *question["arguments"])
        if truth is not True and truth is not False and truth is not None:
            raise PluginError(wrong_truth(truth))
        return {"truth": truth, **_memory(view, before)}

    def _schedule(self, question: Mapping[str, Any]) -> Any:
        """Return whether there is a schedule at a place, or its next run after an instant."""
        zone, latitude, longitude = question["place"]
        schedule = self._thing(question).schedule(Place(ZoneInfo(zone), latitude, longitude))
        if "after_us" not in question:
            return schedule is not None
        return None if schedule is None else schedule.next_after(question["after_us"])


class _Service:
    """One of the parent's services: every method of it is a message."""

    def __init__(self, call: CallService, name: str) -> None:
        self._call = call
        self._name = name

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return lambda *arguments, **named: self._call(self._name, method, list(arguments), named)


class _Services:
    """The services that an action declares; another one is refused before it is asked."""

    def __init__(self, call: CallService, declared: tuple[str, ...]) -> None:
        self._call = call
        self._declared = declared

    def __getattr__(self, name: str) -> _Service:
        if name not in self._declared:
            raise PluginError(f"asked for the service {name!r}, which its services do not declare")
        return _Service(self._call, name)


def loaded(source: str, name: str) -> Any:
    """Return the plugin behind an entry point's value (``package.module:attribute``) or a file's path."""
    return load_file(Path(source)) if os.sep in source else EntryPoint(name, source, NAMESPACE).load()


def _is_marked(thing: Any) -> bool:
    return getattr(thing, f"{NAMESPACE}_impl", None) is not None


def _about(kind: str, thing: Any) -> dict[str, Any]:
    """Return what the host needs to know of a thing, or the sentence with which it would be refused."""
    try:
        name = _admitted(kind, thing)
        about = _function(thing) if kind == "function" else _class(_BASES[kind], thing)
        line_of(about)
    except PluginError as error:
        return {"refused": str(error)}
    except TypeError as error:
        return {"refused": f"{kind} {shown(thing)}: {error}"}
    return {"name": name, **about}


def _admitted(kind: str, thing: Any) -> str:
    name = admit(kind, thing)
    if kind == "condition" and thing.evaluate is Condition.evaluate:
        raise PluginError(f"condition {name!r} has only compile, which works where the engine is; write evaluate")
    return name


def _class(base: type, thing: Any) -> dict[str, Any]:
    about = {
        name: getattr(thing, name) for name in COPIED if not isinstance(getattr(thing, name, property()), property)
    }
    own = [name for name in vars(base) if getattr(thing, name) is not getattr(base, name)]
    return {**about, "doc": thing.__doc__, "own": own}


def _function(thing: Function) -> dict[str, Any]:
    return {"condition": bool(thing.condition), "action": bool(thing.action), "reads": list(thing.reads)}


def _view(question: Mapping[str, Any]) -> tuple[View, str]:
    given = question["view"]
    values = given["values"]
    readers = {name: (lambda _now_us, value=value: value) for name, value in values.items()}
    view = View(readers, given["state"], ZoneInfo(given["zone"]), {})
    view.now_us = given["now_us"]
    view.truths = tuple(given["truths"])
    return view, json.dumps(given["state"], sort_keys=True)


def _memory(view: View, before: str) -> dict[str, Any]:
    """Return what the condition remembers now, if that has changed."""
    try:
        after = json.dumps(packed(view.state), sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise PluginError(f"remembers what a restart cannot keep: {error}") from None
    return {} if after == before else {"state": view.state}

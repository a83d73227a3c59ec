"""Named things and who owns them: what plugins registered, looked up by type."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from whenthen.extend.action import Action
from whenthen.extend.advisor import Advisor
from whenthen.extend.condition import Condition
from whenthen.extend.driver import Driver
from whenthen.extend.hookspecs import Function
from whenthen.extend.observer import Observer
from whenthen.extend.trigger import Trigger

KINDS = ("trigger", "condition", "action", "function", "driver", "advisor", "observer")


@dataclass(slots=True)
class PluginRecord:
    """One plugin: where it came from, what it registered, or why it was skipped.

    *source* is the entry point's value or the file's path; *since* when it was installed (ISO 8601, UTC), ``None`` when
    nobody knows; *api* the contract that it says it was written for. *problems* cost it something, *warnings* do not
    yet.
    """

    name: str
    package: str
    version: str
    registered: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    status: Literal["loaded", "skipped"] = "loaded"
    source: str = ""
    since: str | None = None
    api: int | None = None
    isolated: bool = False
    switched_off: bool = False
    warnings: list[str] = field(default_factory=list)

    def skip(self, reason: str) -> None:
        """Leave the plugin out, for *reason*."""
        self.status = "skipped"
        self.problems.append(reason)


class Registry:
    """What is there to build rules from; filled by the host, then only read (observers are made when first told)."""

    def __init__(self) -> None:
        self.triggers: dict[str, type[Trigger]] = {}
        self.conditions: dict[str, type[Condition]] = {}
        self.actions: dict[str, type[Action]] = {}
        self.functions: dict[str, Function] = {}
        self.drivers: dict[str, type[Driver]] = {}
        self.advisors: dict[str, type[Advisor]] = {}
        self.observers: dict[str, type[Observer]] = {}
        self.plugins: list[PluginRecord] = []
        self._owners: dict[tuple[str, str], str] = {}
        self._made_observers: dict[str, Observer] = {}

    def table(self, kind: str) -> dict[str, Any]:
        """Return the named things of one kind (``condition``, …)."""
        found: dict[str, Any] = getattr(self, f"{kind}s")
        return found

    def owner(self, kind: str, name: str) -> str | None:
        """Return the plugin that registered a name, or ``None``."""
        return self._owners.get((kind, name))

    def add(self, kind: str, name: str, thing: Any, owner: str) -> None:
        """Take a named thing; the caller has made sure that the name is free."""
        self.table(kind)[name] = thing
        self._owners[kind, name] = owner

    def observer(self, name: str) -> Observer:
        """Return the one instance of an observer, made when it is first asked for; raises what making it raises."""
        made = self._made_observers.get(name)
        if made is None:
            made = self._made_observers[name] = self.observers[name]()
        return made

    def expression_functions(self) -> dict[str, Any]:
        """Return the functions that an expression may call, by name."""
        return {f.name: f.call for f in self.functions.values() if not f.condition and not f.action}

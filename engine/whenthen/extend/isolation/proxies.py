"""What stands in the registry for an isolated plugin's things: classes that ask the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from whenthen.errors import PluginError
from whenthen.extend.action import Action, Consequence, Effect
from whenthen.extend.condition import Condition, Truth, View
from whenthen.extend.fault import told
from whenthen.extend.formula import SensorRef
from whenthen.extend.hookspecs import Function
from whenthen.extend.isolation.keeper import Keeper
from whenthen.extend.isolation.wire import packed
from whenthen.extend.trigger import EventTrigger, Place, Schedule, SensorTrigger, Trigger
from whenthen.model.firing import ActionCall, Delivery


class Keepers:
    """The two workers of a plugin: one judges, one acts, so that a slow action keeps no rule waiting."""

    def __init__(self, judging: Keeper, acting: Keeper) -> None:
        self.judging = judging
        self.acting = acting


class IsolatedCondition(Condition):
    """A condition whose ``evaluate`` runs in the worker."""

    _ask: ClassVar[Callable[..., Any]]

    def __init__(self, config: Mapping[str, Any], children: Sequence[Condition] = ()) -> None:
        super().__init__(config, children)
        about = self._told("about")
        self._problems = about.get("problems", [])
        self._sensors: tuple[SensorRef, ...] = tuple(about.get("sensors", ()))
        self._functions: Sequence[str] = about.get("functions", ())
        self._cuts = about.get("cuts")
        self._bounds = about.get("bounds")
        self._says: str = about.get("describe", "")

    def _told(self, do: str, **more: Any) -> Any:
        question = {"do": do, "kind": "condition", "type": self.type, "config": self.config}
        return self._ask({**question, "children": len(self.children), **more})

    def evaluate(self, view: View) -> Truth:
        """Return what the plugin says; raises ``PluginError`` for whatever happens to it."""
        return _answered(view, self._told("evaluate", view=_packed_view(view, [ref.sensor for ref in self._sensors])))

    def sensors(self) -> tuple[SensorRef, ...]:
        """See ``Condition``."""
        return self._sensors

    def functions(self) -> Sequence[str]:
        """See ``Condition``."""
        return self._functions

    def cuts(self) -> Mapping[SensorRef, tuple[float, ...]] | None:
        """See ``Condition``."""
        return None if self._cuts is None else {ref: tuple(cuts) for ref, cuts in self._cuts}

    def bounds(self) -> Mapping[str, tuple[float, float]] | None:
        """See ``Condition``."""
        return None if self._bounds is None else {name: (low, high) for name, (low, high) in self._bounds.items()}

    def problems(self) -> Sequence[Any]:
        """See ``Condition``."""
        return list(self._problems)

    def describe(self) -> str:
        """See ``Condition``."""
        return self._says


class IsolatedAction(Action):
    """An action that is performed in the worker."""

    _ask: ClassVar[Callable[..., Any]]
    _act: ClassVar[Callable[..., Any]]

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        about = self._told("about")
        self._problems = about.get("problems", [])
        self._functions: Sequence[str] = about.get("functions", ())
        self._delivery: Delivery = about.get("delivery_of", self.delivery)
        self._touches = about.get("touches_subject", False)
        self._says: str = about.get("describe", "")

    def _question(self, do: str, **more: Any) -> dict[str, Any]:
        return {"do": do, "kind": "action", "type": self.type, "config": self.config, **more}

    def _told(self, do: str, **more: Any) -> Any:
        return self._ask(self._question(do, **more))

    def perform(self, call: ActionCall, services: Any) -> Any:
        """Return what the plugin returns; raises ``PluginError`` for whatever happens to it."""
        declared = self.services

        def serve(asked: list[Any]) -> Mapping[str, Any]:
            return _served(services, declared, asked)

        return self._act(self._question("perform", call=call), serve)

    def delivery_of(self) -> Delivery:
        """See ``Action``."""
        return self._delivery

    def touches_subject(self) -> bool:
        """See ``Action``."""
        return bool(self._touches)

    def functions(self) -> Sequence[str]:
        """See ``Action``."""
        return self._functions

    def problems(self) -> Sequence[Any]:
        """See ``Action``."""
        return list(self._problems)

    def describe(self) -> str:
        """See ``Action``."""
        return self._says


class IsolatedTrigger(Trigger):
    """A trigger whose schedule runs in the worker."""

    _ask: ClassVar[Callable[..., Any]]

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        about = self._told("about")
        self._problems = about.get("problems", [])
        self._sensors: tuple[SensorTrigger, ...] = tuple(about.get("sensors", ()))
        self._events: tuple[EventTrigger, ...] = tuple(about.get("events", ()))
        self._zone: str | None = about.get("timezone")
        self._says: str = about.get("describe", "")

    def _told(self, do: str, **more: Any) -> Any:
        return self._ask({"do": do, "kind": "trigger", "type": self.type, "config": self.config, **more})

    def sensors(self) -> tuple[SensorTrigger, ...]:
        """See ``Trigger``."""
        return self._sensors

    def events(self) -> tuple[EventTrigger, ...]:
        """See ``Trigger``."""
        return self._events

    @property
    def timezone(self) -> str | None:
        """See ``Trigger``."""
        return self._zone

    def problems(self) -> Sequence[Any]:
        """See ``Trigger``."""
        return list(self._problems)

    def describe(self) -> str:
        """See ``Trigger``."""
        return self._says


class _Schedule:
    """A schedule in the worker: every question names the trigger and the place anew, so a restart loses nothing."""

    def __init__(self, ask: Callable[..., Any]) -> None:
        self._ask = ask

    def next_after(self, after_us: int) -> int | None:
        """See ``Schedule``."""
        due_us: int | None = self._ask(after_us=after_us)
        return due_us


class _Refused(type):
    """The class of a class that the worker refuses: looking at its ``type`` says why, in the host's own words."""

    why: str

    @property
    def type(cls) -> str:
        """Raise ``PluginError`` with the reason."""
        raise PluginError(cls.why)


class _RefusedFunction(Function):
    """A function that the worker refuses."""

    def __init__(self, why: str) -> None:
        object.__setattr__(self, "reads", (why,))

    def __getattribute__(self, name: str) -> Any:
        """Raise ``PluginError`` with the reason."""
        if name == "name":
            raise PluginError(object.__getattribute__(self, "reads")[0])
        return object.__getattribute__(self, name)


_PROXIES: dict[str, type] = {"condition": IsolatedCondition, "action": IsolatedAction, "trigger": IsolatedTrigger}


def proxy(kind: str, about: Mapping[str, Any], keepers: Keepers) -> Any:
    """Return what to register for one thing that the worker told of."""
    if kind == "function":
        return _RefusedFunction(about["refused"]) if "refused" in about else _function(about, keepers.judging)
    base = _PROXIES[kind]
    if "refused" in about:
        return _Refused("Refused", (base,), {"why": about["refused"]})
    body = {name: value for name, value in about.items() if name not in ("name", "doc", "own")}
    body |= {"type": about["name"], "__doc__": about["doc"], "__module__": __name__}
    body |= {"_ask": staticmethod(keepers.judging.ask), "_act": staticmethod(keepers.acting.ask)}
    # The engine asks which methods a class overrides, so a proxy has those that the plugin's class has.
    body |= {name: method for name, method in _OFFERED[kind].items() if name in about["own"]}
    return type(str(about["name"]), (base,), body)


def _due_in(self: IsolatedCondition, view: View) -> float | None:
    seconds: float | None = self._told("due_in", view=_packed_view(view, [ref.sensor for ref in self.sensors()]))
    return seconds


def _effects(self: IsolatedAction, config: Mapping[str, Any]) -> tuple[Effect, ...]:
    return tuple(self._told("effects", filled=config))


def _consequences(self: IsolatedAction, config: Mapping[str, Any]) -> tuple[Consequence, ...]:
    return tuple(self._told("consequences", filled=config))


def _schedule(self: IsolatedTrigger, place: Place) -> Schedule | None:
    given = [_zone_name(place.zone), place.latitude, place.longitude]
    if not self._told("schedule", place=given):
        return None
    return _Schedule(lambda **more: self._told("schedule", place=given, **more))


_OFFERED: dict[str, dict[str, Callable[..., Any]]] = {
    "condition": {"due_in": _due_in},
    "action": {"effects": _effects, "consequences": _consequences},
    "trigger": {"schedule": _schedule},
}


def _function(about: Mapping[str, Any], keeper: Keeper) -> Function:
    name, reads = about["name"], tuple(about["reads"])
    question = {"do": "function", "type": name}

    def call(*arguments: Any) -> Any:
        return keeper.ask({**question, "arguments": list(arguments)})

    def judge(view: View, *arguments: Any) -> Truth:
        return _answered(
            view, keeper.ask({**question, "view": _packed_view(view, reads), "arguments": list(arguments)})
        )

    return Function(name, judge if about["condition"] else call, about["condition"], about["action"], reads)


def _packed_view(view: View, names: Sequence[str]) -> dict[str, Any]:
    return {
        "now_us": view.now_us,
        "zone": _zone_name(view.zone),
        "values": {name: view.get(name) for name in names},
        "state": view.state,
        "truths": list(view.truths),
    }


def _answered(view: View, answer: Mapping[str, Any]) -> Truth:
    """Return the truth, having given the condition the memory that it left behind."""
    if "state" in answer:
        view.state.clear()
        view.state.update(answer["state"])
    truth: Truth = answer["truth"]
    return truth


def _zone_name(zone: Any) -> str:
    return getattr(zone, "key", None) or "UTC"


def _served(services: Any, declared: Sequence[str], asked: list[Any]) -> Mapping[str, Any]:
    """Do what the worker asks of a service that the action declares."""
    service, method, arguments, named_arguments = asked
    if service not in declared or method.startswith("_"):
        return {"raised": f"is none that the action declares: {service}.{method}"}
    try:
        return {"ok": packed(getattr(getattr(services, service), method)(*arguments, **named_arguments))}
    except Exception as error:  # noqa: BLE001 - whatever the service raises, the plugin is to know
        return {"raised": told(error)}

"""The contract of actions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, get_args

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from whenthen.clock import SECOND_US
from whenthen.errors import WhenthenError
from whenthen.extend.action import Action, Consequence, Effect, EmitEvent
from whenthen.model.firing import ActionCall, Delivery
from whenthen.model.reading import Reading
from whenthen.testing.contract import ConfiguredContract, as_json, is_name, millis, repeated, require
from whenthen.testing.play import Document, action_rule, play
from whenthen.testing.readings import HOSTILE, START_US

_SENSOR = "value"
_PLACEHOLDERS = ("{value}", "{value}", "now {value}", "{value:.1f}")
_KINDS = (None, True, 20.5, "", "open")
_CONSEQUENCES = get_args(Consequence)


@dataclass(frozen=True, slots=True)
class ActionCase:
    """A config in which a text may be a placeholder, and readings that fill it in."""

    config: dict[str, Any]
    history: tuple[Reading, ...]


class ActionContract(ConfiguredContract):
    """What an action must keep; ``action`` names the class.

    With ``services`` (a function that returns fake services, as a class or a ``lambda`` does) ``perform`` is tested,
    too; without, it is not.

    >>> from whenthen import Action
    >>> class Bell(Action):
    ...     type = "bell"
    ...     examples = ({},)
    ...
    ...     def perform(self, call, services):
    ...         return services.devices.send("bell-1", "ring", {})
    >>> class TestBell(ActionContract):
    ...     action = Bell
    >>> TestBell().test_effects_are_well_formed()
    """

    kind = "action"
    action: ClassVar[type[Action]]
    services: ClassVar[Callable[[], Any] | None] = None
    """Makes the services that ``perform`` is given, an attribute for each that the action names."""
    raises = (ValueError, TypeError, ArithmeticError, OSError, WhenthenError)
    """What ``perform`` may raise; anything else is a bug."""

    @classmethod
    def rules(cls, config: Mapping[str, Any]) -> list[Document]:
        """Return a rule that carries the action out at each reading."""
        return [action_rule(cls.subject().type, config, _SENSOR)]

    @classmethod
    def cases(cls) -> SearchStrategy[ActionCase]:
        """Return valid configs, with placeholders where the schema takes one, and readings to fill them in."""
        filled = cls.good_configs().flatmap(_with_placeholder).filter(cls._is_taken)
        history = st.lists(st.one_of(st.sampled_from(_KINDS), st.sampled_from(HOSTILE)), min_size=1, max_size=6)
        return st.builds(ActionCase, st.one_of(filled, filled, cls.good_configs()), history.map(_sent))

    @classmethod
    def not_offered(cls) -> Collection[str]:
        """Leave ``perform`` out when the author gives no services."""
        given = cls.services is not None
        return [*super().not_offered(), *(() if given else ("test_perform_returns_json_or_raises_what_it_declares",))]

    def _objects(self, config: Mapping[str, Any]) -> Iterator[Action]:
        yield self._action(config)

    def _action(self, config: Mapping[str, Any]) -> Action:
        made: Action = self.subject()(config)
        return made

    @repeated("good_configs")
    def test_delivery_is_said(self, case: dict[str, Any]) -> None:
        """``delivery`` and ``delivery_of()`` are ``idempotent`` or ``at_most_once``."""
        action = self._action(case)
        for said in (action.delivery, action.delivery_of()):
            require(said in get_args(Delivery), f"delivery is {said!r}; it is one of {', '.join(get_args(Delivery))}")

    @repeated("good_configs")
    def test_effects_are_well_formed(self, case: dict[str, Any]) -> None:
        """``effects()`` returns ``Effect`` values that are JSON, the same each time, and changes nothing."""
        action, config = self._action(case), deepcopy(case)
        effects = action.effects(config)
        require(isinstance(effects, tuple), f"effects() returned {effects!r}; it returns a tuple")
        for effect in effects:
            require(isinstance(effect, Effect), f"effects() holds {effect!r}; it holds whenthen.Effect values")
            require(is_name(effect.channel), f"an effect names no channel: {effect!r}")
            for name in (effect.device, effect.device_type):
                require(name is None or isinstance(name, str), f"an effect's device is {name!r}; it is text or None")
            as_json(effect.value, f"the value that {effect.channel!r} is set to")
        self._require_pure("effects()", config, case, effects, self._action(case).effects(deepcopy(case)))
        require(isinstance(action.touches_subject(), bool), "touches_subject() returns True or False")

    @repeated("good_configs")
    def test_consequences_are_well_formed(self, case: dict[str, Any]) -> None:
        """``consequences()`` returns ``RunRule``, ``EmitEvent`` or ``ControlRule`` values that are JSON."""
        action, config = self._action(case), deepcopy(case)
        found = action.consequences(config)
        require(isinstance(found, tuple), f"consequences() returned {found!r}; it returns a tuple")
        for consequence in found:
            names = "RunRule, EmitEvent or ControlRule"
            require(isinstance(consequence, _CONSEQUENCES), f"consequences() holds {consequence!r}; it holds {names}")
            as_json(asdict(consequence), f"the consequence {consequence!r}")
            target = consequence.name if isinstance(consequence, EmitEvent) else consequence.rule
            require(is_name(target), f"a consequence has no target: {consequence!r}")
        self._require_pure("consequences()", config, case, found, self._action(case).consequences(deepcopy(case)))

    @repeated("cases")
    def test_any_reading_may_fill_its_texts_in(self, case: ActionCase) -> None:
        """Whatever stands in a placeholder's place, the engine goes on: effects and consequences raise nothing."""
        try:
            fired = play(self.registry(), self.rules(case.config), case.history)
        except Exception as error:
            raise AssertionError(
                f"with a placeholder filled in, effects() or consequences() fails: {error}; "
                "a filled-in text may be any number, text, true, false or None"
            ) from error
        for one in fired:
            require(isinstance(one.actions, str), "an action call is not JSON")

    @repeated("good_configs")
    def test_perform_returns_json_or_raises_what_it_declares(self, case: dict[str, Any]) -> None:
        """With the services that it asks for and no others, ``perform`` returns JSON; refused, it raises ``raises``."""
        make = type(self).services
        if make is None:
            return
        action, config = self._action(case), deepcopy(case)
        call = ActionCall(action.type, config, action.delivery_of(), ("device-1",))
        offered = Offered(make(), action)
        spent: list[float] = []
        try:
            spent.append(millis(lambda: as_json(action.perform(call, offered), "what perform() returns")))
        except AssertionError:
            raise
        except self.raises:
            pass
        except Exception as error:
            names = ", ".join(kind.__name__ for kind in self.raises)
            raised = f"{type(error).__name__}: {error}"
            raise AssertionError(f"perform() raises {raised}; it may raise {names} (raises)") from error
        require(config == case, f"perform() changed the config: {case} became {config}")
        self._require_quick("perform() with fake services", spent)

    def _require_pure(self, what: str, config: Any, before: Any, first: object, again: object) -> None:
        require(config == before, f"{what} changed the config: {before} became {config}")
        require(first == again, f"{what} returned {first!r}, then {again!r} for the same config")


_FACTS = ("key", "deadline_us", "origin")
"""What the services say of the call itself: its idempotency key, its end and who caused it."""


class Offered:
    """Services, of which an action sees only those that it names."""

    def __init__(self, services: Any, action: Action) -> None:
        self._services = services
        self._action = action

    def __getattr__(self, name: str) -> Any:
        """Return a service that the action asks for, or a fact of the call, which needs no asking."""
        if name in _FACTS:
            return getattr(self._services, name, None)
        if name not in self._action.services:
            asked = f"services = {(*self._action.services, name)!r}"
            raise AssertionError(f"perform() uses the service {name!r} without asking for it; write {asked}")
        return getattr(self._services, name)


@st.composite
def _with_placeholder(draw: st.DrawFn, config: dict[str, Any]) -> dict[str, Any]:
    """Draw the config with one of its fields replaced by a placeholder."""
    if not config:
        return config
    name = draw(st.sampled_from(sorted(config)))
    return {**config, name: draw(st.sampled_from(_PLACEHOLDERS))}


def _sent(values: Sequence[Any]) -> tuple[Reading, ...]:
    """Return one value a second, as a device sends them."""
    instants = range(START_US, START_US + len(values) * SECOND_US, SECOND_US)
    return tuple(Reading("device-1", {_SENSOR: value}, at_us) for value, at_us in zip(values, instants, strict=True))

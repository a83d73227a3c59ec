"""What every contract is made of: a plugin under test, configs for it, checks that Hypothesis repeats."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from jsonschema import Draft202012Validator

from whenthen.dsl.compiled import CompiledRule
from whenthen.errors import InvalidRuleError
from whenthen.extend.registry import Registry
from whenthen.testing.configs import configs as configs_of
from whenthen.testing.failure import kept
from whenthen.testing.play import Document, compiler, registry_with
from whenthen.testing.wrong import WrongConfig, open_properties, schema_faults, wrong_configs

Check = TypeVar("Check", bound=Callable[..., None])

_SOURCE = "_whenthen_source"
_PHASES = [phase for phase in Phase if phase is not Phase.explain]
"""Which parts of a case do not matter is seen by playing it; finding it out takes longer than all else."""
_SLOWNESS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def repeated(source: str) -> Callable[[Check], Check]:
    """Mark a check that is repeated with what the contract's class method *source* makes."""

    def mark(check: Check) -> Check:
        setattr(check, _SOURCE, source)
        return check

    return mark


def require(holds: object, message: str) -> None:
    """Fail with *message* unless *holds*."""
    if not holds:
        raise AssertionError(message)


def is_name(value: object) -> bool:
    """Tell whether something is a text that is not empty."""
    return isinstance(value, str) and bool(value)


def as_json(value: Any, what: str) -> str:
    """Return *value* as JSON; fail when it is not JSON, or would read back as something else."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise AssertionError(f"{what} is not JSON: {error}: {value!r}") from None
    require(json.loads(text) == value, f"{what} does not survive a JSON round trip: {value!r} reads back as {text}")
    return text


def millis(call: Callable[[], object]) -> float:
    """Return how long a call takes, in milliseconds."""
    start = perf_counter()
    call()
    return (perf_counter() - start) * 1_000


class Contract:
    """What any plugin must keep; subclass one of the contracts for conditions, actions, triggers and functions."""

    kind: ClassVar[str] = ""
    max_examples: ClassVar[int] = 25
    """How many cases Hypothesis tries for each check."""
    time_limit_ms: ClassVar[float] = 50
    """What one call may take, as the median of many."""
    raises: ClassVar[tuple[type[Exception], ...]] = (ValueError, TypeError, ArithmeticError)
    """What hostile input may raise; anything else is a bug."""
    failures: ClassVar[Path] = Path(".whenthen/failures")
    """Where the smallest failing rule and readings are written, a folder for each check."""

    leave_out: ClassVar[Collection[str]] = ()
    """The names of checks that cannot hold for this plugin."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        for name in sorted(dir(cls)):
            check: Any = getattr(cls, name, None)  # what is abstract is noted only after this
            source = getattr(check, _SOURCE, None)
            if source is not None:
                setattr(cls, name, _for_class(cls, check, source))
        if getattr(cls, cls.kind, None) is not None:
            unknown = [name for name in cls.leave_out if not hasattr(cls, name)]
            if unknown:
                raise TypeError(f"{cls.__name__}.leave_out names {unknown}, but there are no such checks")
            for name in (*cls.not_offered(), *cls.leave_out):
                setattr(cls, name, None)  # pytest passes over it: there is nothing to check

    @classmethod
    def subject(cls) -> Any:
        """Return the plugin under test."""
        found = getattr(cls, cls.kind, None)
        if found is None:
            raise TypeError(
                f"{cls.__name__} needs a line that names the {cls.kind}: {cls.kind} = Your{cls.kind.title()}"
            )
        return found

    def _require_quick(self, what: str, spent_ms: Sequence[float]) -> None:
        middle = median(spent_ms) if spent_ms else 0.0
        require(
            middle <= self.time_limit_ms,
            f"{what} takes {middle:.0f} ms, the limit is {self.time_limit_ms:g} (time_limit_ms); "
            "every reading of every device waits for it",
        )

    @classmethod
    def _folder(cls, check: str) -> Path:
        return cls.failures / f"{cls.__name__}.{check}"

    @classmethod
    def not_offered(cls) -> Collection[str]:
        """Return the checks of things that this plugin does not offer."""
        return ()


def _for_class(cls: type[Contract], check: Callable[..., None], source: str) -> Callable[..., None]:
    """Return a check as a Hypothesis test of one class's own, so that classes do not share failing cases."""
    original: Callable[..., None] = getattr(check, "_whenthen_check", check)

    def test(self: Contract, case: Any) -> None:
        rules, history = self._shown(case)  # type: ignore[attr-defined]
        with kept(cls._folder(original.__name__), rules, history):
            original(self, case)

    test.__name__ = f"{cls.__name__}_{original.__name__}"
    test.__qualname__ = f"{cls.__qualname__}.{original.__name__}"
    test.__doc__ = original.__doc__
    test.__module__ = cls.__module__
    cases: SearchStrategy[Any] = st.deferred(lambda: getattr(cls, source)())  # noqa: PLW0108 - it insists
    few = settings(
        max_examples=cls.max_examples, deadline=None, print_blob=True, suppress_health_check=_SLOWNESS, phases=_PHASES
    )
    made: Callable[..., None] = few(given(case=cases)(test))
    setattr(made, _SOURCE, source)
    made._whenthen_check = original  # type: ignore[attr-defined]  # noqa: SLF001 - a subclass wraps it anew
    return made


class ConfiguredContract(Contract, ABC):
    """What a plugin with a schema must keep: conditions, actions and triggers."""

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ()
    """Further configs that must be taken."""
    configs: ClassVar[SearchStrategy[dict[str, Any]] | Sequence[Mapping[str, Any]] | None] = None
    """Configs to test with, as a Hypothesis strategy or a list; made from the schema when not given."""

    @classmethod
    def registry(cls) -> Registry:
        """Return what is installed, the plugin under test among it."""
        return registry_with(cls.kind, cls.subject().type, cls.subject())

    @classmethod
    @abstractmethod
    def rules(cls, config: Mapping[str, Any]) -> list[Document]:
        """Return rules that use the plugin with *config*."""

    @classmethod
    def compiled(cls, config: Mapping[str, Any]) -> CompiledRule:
        """Return the first of the rules, compiled; raises ``InvalidRuleError``."""
        return compiler(cls.registry()).compile(cls.rules(config)[0])

    @classmethod
    def known_examples(cls) -> list[Mapping[str, Any]]:
        """Return every example that there is: the class's, its schema's, the contract's."""
        subject = cls.subject()
        return [*subject.examples, *dict(subject.schema).get("examples", ()), *cls.examples]

    @classmethod
    def any_configs(cls) -> SearchStrategy[dict[str, Any]]:
        """Return configs that the schema takes."""
        given_ones = cls.configs
        if given_ones is None:
            return configs_of(cls.subject().schema, [*cls.subject().examples, *cls.examples])
        if isinstance(given_ones, SearchStrategy):
            return given_ones
        return st.sampled_from([dict(config) for config in given_ones]).map(deepcopy)

    @classmethod
    def good_configs(cls) -> SearchStrategy[dict[str, Any]]:
        """Return configs that make a valid rule."""
        return cls.any_configs().filter(cls._is_taken)

    @classmethod
    def _is_taken(cls, config: Mapping[str, Any]) -> bool:
        try:
            cls.compiled(config)
        except InvalidRuleError:
            return False
        except Exception:  # noqa: BLE001 - whoever uses the config will see it
            return True
        return True

    @classmethod
    def _shown(cls, case: Any) -> tuple[list[Document], Sequence[Any]]:
        config = case.config if hasattr(case, "config") else case
        return cls.rules(config), getattr(case, "history", ())

    def test_the_schema_is_sound(self) -> None:
        """It is JSON Schema 2020-12 for an object, with no keyword misspelt and no property left open by mistake."""
        schema = self.subject().schema
        faults = list(schema_faults(schema))
        require(not faults, "; ".join(faults))
        names = open_properties(schema)
        require(not names, f"properties without a type take anything: {names}; add a type, or a description if meant")
        as_json(schema, "the schema")

    def test_examples_load(self) -> None:
        """Every example, the class's, its schema's and the contract's, makes a valid rule."""
        validator = Draft202012Validator(dict(self.subject().schema))
        for example in self.known_examples():
            errors = [error.message for error in validator.iter_errors(example)]
            require(not errors, f"the schema refuses the example {dict(example)}: {'; '.join(errors)}")
            try:
                self.compiled(example)
            except InvalidRuleError as error:
                raise AssertionError(f"the example {dict(example)} makes no valid rule: {error}") from None

    @repeated("good_configs")
    def test_wrong_configs_are_refused(self, case: dict[str, Any]) -> None:
        """A rule with a wrong config is refused with problems that point into the config."""
        for wrong in wrong_configs(self.subject().schema, case):
            with kept(self._folder("test_wrong_configs_are_refused"), self.rules(wrong.config), ()):
                self._require_refused(wrong)

    def _require_refused(self, wrong: WrongConfig) -> None:
        try:
            self.compiled(wrong.config)
        except InvalidRuleError as error:
            lacking = [problem for problem in error.problems if not problem.pointer or not problem.message]
            require(not lacking, f"problems lack their pointer or their message: {lacking}")
            return
        except Exception as error:
            raised = f"{type(error).__name__}: {error}"
            raise AssertionError(f"{wrong.why}, and that raises {raised}, not InvalidRuleError") from error
        raise AssertionError(f"a config is taken that the schema should refuse: {wrong.why}: {wrong.config}")

    @repeated("any_configs")
    def test_any_config_is_taken_or_refused_with_problems(self, case: dict[str, Any]) -> None:
        """Whatever the schema takes, making the object and asking for its problems raises nothing."""
        before = deepcopy(case)
        try:
            self.compiled(case)
        except InvalidRuleError as error:
            require(error.problems, "problems() refuses the config without saying why")
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            message = f"the config {case} passes the schema but raises {what}; say it in problems(), or in the schema"
            raise AssertionError(message) from error
        require(case == before, f"the config was changed: {before} became {case}")

    @repeated("good_configs")
    def test_describe_is_a_sentence(self, case: dict[str, Any]) -> None:
        """``describe()`` is a text that is not empty, the same each time."""
        for thing in self._objects(case):
            said = thing.describe()
            require(isinstance(said, str) and said.strip(), f"describe() returned {said!r}; it returns a sentence")
            require(said == thing.describe(), "describe() says something else the second time")

    @abstractmethod
    def _objects(self, config: Mapping[str, Any]) -> Iterator[Any]:
        """Yield the plugin's object for a config."""

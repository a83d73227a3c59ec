"""What can go wrong: one tree, each with a code, a JSON Pointer where it has one, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input, and where.

    *pointer* is a JSON Pointer (RFC 6901) into the document, ``""`` for the whole of it; *hint* says what to do or what
    was probably meant.

    >>> str(Problem("unknown_field", "/nmae", "there is no field 'nmae'", "did you mean 'name'?"))
    "/nmae: there is no field 'nmae' (did you mean 'name'?)"
    """

    code: str
    pointer: str
    message: str
    hint: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.pointer or '/'}: {self.message}{hint}"

    def below(self, prefix: str) -> Problem:
        """Return the same problem seen from a document that holds this one at *prefix*."""
        return Problem(self.code, prefix + self.pointer, self.message, self.hint, self.severity)

    def to_json(self) -> dict[str, str]:
        """Return the problem as the surfaces show it: ``code``, ``pointer``, ``message``, ``hint``, ``severity``."""
        return {
            "code": self.code,
            "pointer": self.pointer,
            "message": self.message,
            "hint": self.hint,
            "severity": self.severity,
        }


def token(key: str) -> str:
    """Return a key as a JSON Pointer writes it (RFC 6901).

    >>> token("b/c")
    'b~1c'
    """
    return key.replace("~", "~0").replace("/", "~1")


class WhenthenError(Exception):
    """The root of everything that whenthen raises on purpose; *code* is stable.

    >>> issubclass(PluginError, WhenthenError)
    True
    """

    code = "error"


class InvalidRuleError(WhenthenError):
    """A rule that cannot be loaded, with all of its problems at once.

    >>> InvalidRuleError((Problem("bad_type", "/name", "must be a text"),)).problems[0].pointer
    '/name'
    """

    code = "invalid_rule"

    def __init__(self, problems: tuple[Problem, ...], rule: str = "") -> None:
        self.problems = problems
        self.rule = rule
        super().__init__("; ".join(map(str, problems)))


class ExpressionError(WhenthenError):
    """An expression that the syntax gate refuses; *hint* says what is allowed instead.

    >>> from whenthen import Expression
    >>> try:
    ...     Expression.parse("temperature ** 2 > 400")
    ... except ExpressionError as error:
    ...     print(error.code, "-", error)
    invalid_expression - there are no powers
    """

    code = "invalid_expression"

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(message)


class TemplateError(WhenthenError):
    """A text with a placeholder that cannot be read, or that nobody knows."""

    code = "invalid_placeholder"

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(message)


class RefusedReadingError(WhenthenError):
    """A reading or one of its values that is not taken, with the reason."""

    code = "refused_reading"


class UnknownRuleError(WhenthenError):
    """A rule id that the engine does not hold."""

    code = "unknown_rule"


class PluginError(WhenthenError):
    """A plugin that cannot be used, with the reason in one sentence.

    >>> PluginError("condition 'warm' lacks the method evaluate").code
    'bad_plugin'
    """

    code = "bad_plugin"


class RetryLaterError(WhenthenError):
    """An action that was not carried out now and may be tried again, also one that is ``at_most_once``.

    *after_seconds* is how long the other side asked to wait, at least; ``None`` when it said nothing.

    >>> RetryLaterError("the endpoint answered 503", after_seconds=120).after_seconds
    120
    """

    code = "retry_later"

    def __init__(self, message: str, after_seconds: float | None = None) -> None:
        self.after_seconds = after_seconds
        super().__init__(message)


class ActionRefusedError(WhenthenError):
    """An action that will never succeed as it stands: its config, its target or the other side's answer forbids it.

    *disabled* says that the other side wants no more of it (HTTP 410): the rule should be changed.

    >>> ActionRefusedError("the endpoint answered 410 Gone", disabled=True).disabled
    True
    """

    code = "action_refused"

    def __init__(self, message: str, *, disabled: bool = False) -> None:
        self.disabled = disabled
        super().__init__(message)


class OutcomeUnknownError(WhenthenError):
    """An action of which nobody knows whether it was carried out: an ``at_most_once`` one is not repeated.

    >>> OutcomeUnknownError("the mail server was lost while it took the message").code
    'outcome_unknown'
    """

    code = "outcome_unknown"


class PluginRaisedError(PluginError):
    """What a plugin in a process of its own raised, in words."""

    code = "plugin_raised"


class PluginTimeoutError(PluginError):
    """A plugin in a process of its own that did not answer in time and was ended."""

    code = "plugin_timeout"


class PluginDiedError(PluginError):
    """A plugin in a process of its own that ended, or wrote what is no answer and was ended."""

    code = "plugin_died"


class PluginQuarantinedError(PluginError):
    """A plugin in a process of its own that was ended too often, and is asked no more."""

    code = "plugin_quarantined"

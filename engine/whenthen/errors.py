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


class WhenthenError(Exception):
    """The root of everything that whenthen raises on purpose; *code* is stable."""

    code = "error"


class InvalidRuleError(WhenthenError):
    """A rule that cannot be loaded, with all of its problems at once."""

    code = "invalid_rule"

    def __init__(self, problems: tuple[Problem, ...], rule: str = "") -> None:
        self.problems = problems
        self.rule = rule
        super().__init__("; ".join(map(str, problems)))


class ExpressionError(WhenthenError):
    """An expression that the syntax gate refuses; *hint* says what is allowed instead."""

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
    """A plugin that cannot be used, with the reason in one sentence."""

    code = "bad_plugin"

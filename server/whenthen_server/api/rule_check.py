"""A rule looked at before it is saved: every problem, what is doubtful, and how it reads in our shape."""

from __future__ import annotations

from typing import Any

from whenthen.errors import InvalidRuleError
from whenthen_server.api.parts import Rooms
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.api.rulebook import Rulebook
from whenthen_server.api.strangers import strangers

_PROBLEMS = {"type": "array", "items": {"$ref": "#/components/schemas/RuleProblem"}}
_MAX_PROBLEMS = 100

_TEXT = {"type": "string"}
_FINDING = {
    "type": "object",
    "required": ["kind", "grade", "proof", "rules", "subject", "pointer", "message", "mend", "witness"],
    "properties": {
        **dict.fromkeys(("kind", "subject", "pointer", "message", "mend"), _TEXT),
        "grade": {"enum": ["certain", "possible"]},
        "proof": {"enum": ["replayed", "intervals", "solver", "none"]},
        "rules": {"type": "array", "items": _TEXT},
        "witness": {"type": "object", "description": "The history that shows it, as whenthen replay reads it"},
    },
}

SCHEMAS: dict[str, Any] = {
    "RuleCheck": {
        "type": "object",
        "required": ["valid", "problems", "warnings", "rule", "findings"],
        "properties": {
            "valid": {"type": "boolean"},
            "problems": {**_PROBLEMS, "description": "Why it cannot be saved"},
            "warnings": {**_PROBLEMS, "description": "What is doubtful, but can be saved"},
            "rule": {"type": ["object", "null"], "description": "As it would be saved, less its id"},
            "findings": {
                "type": "array",
                "items": _FINDING,
                "description": "What it would do to other rules, or not do",
            },
        },
    }
}


def routes(rooms: Rooms) -> list[Route]:
    """Return the route."""
    return [_check(Rulebook(rooms))]


@route(
    "POST",
    "/api/automation/check",
    resource="rule",
    verb="list",
    summary="Check a rule without saving it: all problems at once, and what it would do to the saved ones",
    body={"description": "Anything; what is a Rule, or a LooseRule that can mean one thing only, is valid"},
    body_checked=False,
    answer={"$ref": "#/components/schemas/RuleCheck"},
)
def _check(book: Rulebook, request: Request) -> Answer:
    try:
        document = book.checked(request.body)
        rule = book.compiled(document)
    except InvalidRuleError as error:
        problems = [one.to_json() for one in error.problems[:_MAX_PROBLEMS]]
        return Answer({"valid": False, "problems": problems, "warnings": [], "rule": None, "findings": []})
    shown = {name: value for name, value in document.items() if name != "id" or "id" in request.body}
    told = [one.to_json() for one in (*rule.warnings, *strangers(document, book.parts.places))]
    findings = [one.to_json() for one in book.introduced(request.caller, document, None)]
    return Answer({"valid": True, "problems": [], "warnings": told, "rule": shown, "findings": findings})

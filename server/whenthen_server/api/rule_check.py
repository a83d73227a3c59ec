"""A rule looked at before it is saved: every problem, what is doubtful, and how it reads in our shape."""

from __future__ import annotations

from typing import Any

from whenthen.errors import InvalidRuleError
from whenthen_server.api.parts import Rooms
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.api.rulebook import Rulebook

_PROBLEMS = {"type": "array", "items": {"$ref": "#/components/schemas/RuleProblem"}}
_MAX_PROBLEMS = 100

SCHEMAS: dict[str, Any] = {
    "RuleCheck": {
        "type": "object",
        "required": ["valid", "problems", "warnings", "rule"],
        "properties": {
            "valid": {"type": "boolean"},
            "problems": {**_PROBLEMS, "description": "Why it cannot be saved"},
            "warnings": {**_PROBLEMS, "description": "What is doubtful, but can be saved"},
            "rule": {"type": ["object", "null"], "description": "As it would be saved, less its id"},
        },
    }
}


def routes(rooms: Rooms) -> list[Route]:
    """Return the route."""
    book = Rulebook(rooms)

    @route(
        "POST",
        "/api/automation/check",
        resource="rule",
        verb="list",
        summary="Check a rule without saving it: all problems at once",
        body={"description": "Anything; what is a Rule, or a LooseRule that can mean one thing only, is valid"},
        body_checked=False,
        answer={"$ref": "#/components/schemas/RuleCheck"},
    )
    def check(request: Request) -> Answer:
        try:
            document = book.checked(request.body)
            warnings = book.compiled(document).warnings
        except InvalidRuleError as error:
            problems = [one.to_json() for one in error.problems[:_MAX_PROBLEMS]]
            return Answer({"valid": False, "problems": problems, "warnings": [], "rule": None})
        shown = {name: value for name, value in document.items() if name != "id" or "id" in request.body}
        told = [one.to_json() for one in warnings]
        return Answer({"valid": True, "problems": [], "warnings": told, "rule": shown})

    return [check]

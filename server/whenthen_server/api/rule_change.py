"""A rule changed or removed as it is at present: what somebody else does to it meanwhile is not lost."""

from __future__ import annotations

from collections.abc import Callable

from whenthen.errors import UnknownRuleError
from whenthen.runtime.journal import RuleConflictError
from whenthen_server.api.etag import demand_match
from whenthen_server.api.request import Request
from whenthen_server.api.rulebook import GONE, Rulebook, tag_of
from whenthen_server.problems import Conflict, NotFound, PreconditionFailed
from whenthen_server.store.rules import RuleRecord, Seen

_ATTEMPTS = 3


def at_present(book: Rulebook, request: Request, verb: str, attempt: Callable[[RuleRecord, Seen], None]) -> None:
    """Do something to the version that is present; if that changes meanwhile, once more, or 412 if one was named.

    The right is asked for again each time: the version that is changed may be elsewhere.
    """
    for _ in range(_ATTEMPTS):
        record = book.of(request)
        live = book.live(record.id)
        book.parts.demand(request.caller, "rule", verb, book.place_of(record.document))
        demand_match(request.headers, tag_of(record, live))
        try:
            attempt(record, Seen(record.version, live.enabled))
        except RuleConflictError as error:
            if request.headers.get("If-Match") not in (None, "*"):
                raise PreconditionFailed("Somebody else changed the rule just now. Read it again.") from error
        except UnknownRuleError:
            raise NotFound(GONE) from None
        else:
            return
    raise Conflict("The rule changes all the time. Read it again, and name its ETag in If-Match.")

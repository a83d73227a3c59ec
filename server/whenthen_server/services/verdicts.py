"""What an answer's status means for an action: done, later, or never."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from whenthen import ActionRefusedError, RetryLaterError
from whenthen_server.services.wire import Response

_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_LONGEST_WAIT_SECONDS = 7 * 86_400.0


def answered(response: Response, now: datetime) -> None:
    """Return for 2xx; raise ``RetryLaterError`` for 408, 425, 429 and 5xx, ``ActionRefusedError`` for the rest.

    *now*, aware, turns a ``Retry-After`` that is a date into seconds.

    >>> from whenthen import SystemClock
    >>> answered(Response(204, {}, b"", False), SystemClock().now())
    """
    status = response.status
    if 200 <= status < 300:
        return
    if status in _LATER or 500 <= status < 600:
        raise RetryLaterError(f"the endpoint answered {_said(status)}", retry_after(response, now))
    if status == HTTPStatus.GONE:
        raise ActionRefusedError(f"the endpoint answered {_said(status)}: it wants no more", disabled=True)
    if 300 <= status < 400:
        raise ActionRefusedError(
            f"the endpoint answered {_said(status)}; redirects are not followed, use the final URL"
        )
    raise ActionRefusedError(f"the endpoint answered {_said(status)}")


def retry_after(response: Response, now: datetime) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, 0 to a week, or ``None`` when it says nothing readable.

    >>> from whenthen import SystemClock
    >>> retry_after(Response(503, {"retry-after": "120"}, b"", False), SystemClock().now())
    120.0
    """
    given = response.headers.get("retry-after", "").strip()
    try:
        seconds = float(given) if given.isdecimal() else (parsedate_to_datetime(given) - now).total_seconds()
    except (TypeError, ValueError, OverflowError):  # TypeError: a date without a zone
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT_SECONDS)


def _said(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)

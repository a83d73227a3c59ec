"""Signing in and out: an address that works once becomes a cookie."""

from __future__ import annotations

from typing import Any

from whenthen_server.api.credentials import LIFE, holder, life
from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import LISTED, answer_of, by_id, page_of
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.auth import Place, no_cookie, session_cookie
from whenthen_server.problems import Unauthorized
from whenthen_server.store.credentials import StoredKey

_HOME = "/docs/"
# A page that goes on by itself, not a redirect: after a redirect from elsewhere browsers keep a SameSite=Strict cookie
# to themselves, and the address with the token must not stay in the history as the page that was read.
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="0; url={_HOME}">
<title>whenthen: signed in</title>
</head>
<body>
<p>You are signed in. <a href="{_HOME}">Go on</a></p>
</body>
</html>
"""

_SPENT = (
    "This address has been used already, or is older than 15 minutes. 'whenthen login-url' prints another; "
    "who was invited asks an owner for one."
)

SCHEMAS: dict[str, Any] = {
    "Session": {
        "type": "object",
        "required": ["id", "created_at", "last_used_at", "expires_at", "current"],
        "properties": {
            "id": {"type": "string"},
            **LIFE,
            "current": {"type": "boolean", "description": "Whether it is the one that asks"},
        },
    }
}


def routes(rooms: Rooms) -> list[Route]:
    """Return ``/login``, ``/logout`` and ``/api/sessions``."""
    return [_signed_in(rooms), _signed_out(rooms), _listed(rooms), _ended(rooms)]


@route(
    "GET",
    "/login",
    resource="session",
    verb="create",
    summary="Sign in with a token that works once; sets the cookie and goes on to the first page",
    query={
        "type": "object",
        "required": ["token"],
        "properties": {"token": {"type": "string", "minLength": 1, "maxLength": 200}},
    },
    answer={"type": "string"},
    content_type="text/html",
    head=False,
)
def _signed_in(rooms: Rooms, request: Request) -> Answer:
    try:
        key = rooms.gate.log_in(request.query["token"], rooms.clock.now(), request.address)
    except Unauthorized as error:
        raise Unauthorized(_SPENT) from error
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "Set-Cookie": session_cookie(key, https=_is_https(request), lifetime_us=rooms.gate.sessions.lifetime_us),
    }
    return Answer(_PAGE, headers=headers)


@route(
    "POST",
    "/logout",
    resource="session",
    verb="delete",
    summary="Sign out: end this session and take its cookie away",
    place=lambda _rooms, request: Place(user=request.caller.user),
    status=204,
)
def _signed_out(rooms: Rooms, request: Request) -> Answer:
    if request.caller.session is not None:
        rooms.people.end_session(request.caller, request.caller.session)
    return Answer(headers={"Set-Cookie": no_cookie(https=_is_https(request))})


@route(
    "GET",
    "/api/sessions",
    resource="session",
    verb="list",
    summary="Where you are signed in",
    query=LISTED,
    answer=answer_of("sessions", "Session"),
)
def _listed(rooms: Rooms, request: Request) -> Answer:
    found, after = by_id(rooms.people.sessions(request.caller), request.query)
    return Answer(page_of("sessions", [_shown(one, request.caller.session) for one in found], after))


@route(
    "DELETE",
    "/api/sessions/<session_id>",
    resource="session",
    verb="delete",
    summary="End one of your sessions",
    place=holder("ses", "session_id"),
    status=204,
)
def _ended(rooms: Rooms, request: Request) -> Answer:
    rooms.people.end_session(request.caller, request.path["session_id"])
    return Answer()


def _is_https(request: Request) -> bool:
    return request.base_url.startswith("https:")


def _shown(session: StoredKey, current: str | None) -> dict[str, Any]:
    return {
        "id": session.id,
        **life(session),
        "current": session.id == current,
    }

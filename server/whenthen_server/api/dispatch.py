"""From an HTTP request to a handler and back: who asks, may they, is it sound, was it done before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

import flask
from flask import Response, g

from whenthen.clock import seconds_us, to_us
from whenthen.errors import Problem
from whenthen_server.api.etag import has_copy
from whenthen_server.api.gate import Gate
from whenthen_server.api.guard import SAFE_METHODS
from whenthen_server.api.idempotency import Kept, Once, begin_once
from whenthen_server.api.incoming import Environ, Headers, has_body, read_bytes, read_json
from whenthen_server.api.parts import Parts
from whenthen_server.api.query import read_query, with_defaults
from whenthen_server.api.request import Caller, Request
from whenthen_server.api.route import Answer, Route
from whenthen_server.api.schemas import checker
from whenthen_server.problems import ApiError, BadRequest, Unauthorized, Unprocessable, told

MAX_ERRORS = 100
"""Faults that one answer lists; who sends more has a systematic one."""
_MAX_PARAMETER = 200
_MAX_PARAMETERS = 100
_MAX_IGNORED_BYTES = 1_000
_KEPT_HEADERS = ("Content-Type", "ETag", "Location")
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Endpoint:
    """One route, ready to be called by Flask."""

    def __init__(self, route: Route, parts: Parts, gate: Gate, named: Mapping[str, Any]) -> None:
        self._route = route
        self._parts = parts
        self._gate = gate
        self._query_schema = {"type": "object", "additionalProperties": False, **(route.query or {})}
        self._query = checker(self._query_schema, named)
        # What a request without parameters has, unless one is required: looked up once for all of them.
        missing = self._query.problems({}, "")
        self._no_query = None if missing else with_defaults({}, self._query_schema)
        self._body = checker(route.body, named) if route.body is not None and route.body_checked else None
        limits = parts.settings.limits
        self._max_bytes = limits.batch_bytes if route.batch else limits.body_bytes

    def __call__(self, **path: str) -> Response:
        """Answer the present Flask request."""
        route = self._route
        environ = flask.request.environ
        state = g._get_current_object()  # noqa: SLF001 - Werkzeug's documented way past the proxy
        state.route = route
        caller = state.caller = self._identified(environ)
        self._gate.admit(caller, _address(environ))
        for value in path.values():
            if len(value) > _MAX_PARAMETER or not value.isprintable():
                self._parts.hidden(route.resource)
        request = self._request(environ, caller, path, state.request_id)
        self._allow(request)
        if route.body is None:
            _demand_no_body(environ)
        elif request.body is None and route.body_required:
            raise Unprocessable("This route needs a JSON body.", code="missing_body")
        key = environ.get("HTTP_IDEMPOTENCY_KEY")
        if key is not None and route.method == "POST":
            return self._once(key, request, environ)
        return respond(route, request, route.handler(request))

    def _identified(self, environ: Environ) -> Caller:
        """Return who asks; anonymous callers get no further than where anybody may go."""
        parts, headers, address = self._parts, Headers(environ), _address(environ)
        cookies = flask.request.cookies if "HTTP_COOKIE" in environ else {}
        try:
            caller = parts.authenticate(headers, cookies, parts.clock.now(), address)
            if caller.kind == "anonymous":
                parts.demand(caller, self._route.resource, self._route.verb)
        except Unauthorized:
            self._gate.refused(address)
            raise
        if cookies and self._route.method not in SAFE_METHODS:
            https = environ["wsgi.url_scheme"] == "https"
            parts.demand_own_page(caller, self._route.method, headers, environ.get("HTTP_HOST", ""), https=https)
        return caller

    def _request(self, environ: Environ, caller: Caller, path: Mapping[str, str], request_id: str) -> Request:
        return Request(
            caller=caller,
            path=path,
            query=self._checked_query(environ.get("QUERY_STRING", "")),
            headers=Headers(environ),
            cookies=flask.request.cookies if "HTTP_COOKIE" in environ else {},
            address=_address(environ),
            id=request_id,
            base_url=f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}",
            read_body=lambda: self._checked_body(environ),
        )

    def _allow(self, request: Request) -> None:
        route = self._route
        if route.place is None:
            self._parts.demand(request.caller, route.resource, route.verb)
            return
        place = route.place(request)
        if place is None:
            self._parts.hidden(route.resource)
        self._parts.demand(request.caller, route.resource, route.verb, place)

    def _checked_query(self, text: str) -> Mapping[str, Any]:
        if not text and self._no_query is not None:
            return self._no_query
        try:
            given = parse_qs(text, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS) if text else {}
        except ValueError:
            raise BadRequest("The query has too many parameters.", code="invalid_query") from None
        query = read_query(given, self._query_schema)
        problems = self._query.problems(query, "")
        if problems:
            raise _invalid(BadRequest, "query", problems)
        return with_defaults(query, self._query_schema)

    def _checked_body(self, environ: Environ) -> Any:
        body = read_json(environ, max_bytes=self._max_bytes, max_depth=self._parts.settings.limits.json_depth)
        if body is not None and self._body is not None:
            problems = self._body.problems(body, "")
            if problems:
                raise _invalid(Unprocessable, "body", problems)
        return body

    def _once(self, key: str, request: Request, environ: Environ) -> Response:
        """Carry out a keyed request, unless its answer is there already."""
        parts = self._parts
        body = json.dumps(request.body, sort_keys=True) if self._route.body is not None else ""
        what = "\n".join((environ["PATH_INFO"], environ.get("QUERY_STRING", ""), body))
        begun = begin_once(
            parts.idempotency,
            key,
            caller=f"{request.caller.kind}:{request.caller.id}",
            request=what.encode("utf-8", "surrogatepass"),
            now_us=to_us(parts.clock.now()),
            keep_us=seconds_us(parts.settings.limits.idempotency_hours * 3600),
        )
        if isinstance(begun, Kept):
            return Response(begun.body, begun.status, [*begun.headers, ("Idempotency-Replayed", "true")])
        return self._carried_out(begun, request)

    def _carried_out(self, once: Once, request: Request) -> Response:
        try:
            answer = self._route.handler(request)
            response = respond(self._route, request, answer)
        except ApiError:
            once.failed()
            raise
        # Any other exception leaves the key "under way": what was done is unknown, so nothing is done again.
        if response.is_streamed:
            once.failed()
        else:
            kept = tuple((name, response.headers[name]) for name in _KEPT_HEADERS if name in response.headers)
            body = response.get_data() if answer.again is None else to_json(answer.again)
            once.finished(response.status_code, kept, body)
        return response


def endpoints(
    routes: Iterable[Route], parts: Parts, named: Mapping[str, Any]
) -> list[tuple[Route, Callable[..., Any]]]:
    """Return each route with the function that answers it; all share one gate."""
    gate = Gate(parts.settings.limits, parts.clock)
    return [(route, Endpoint(route, parts, gate, named)) for route in routes]


def respond(route: Route, request: Request, answer: Answer) -> Response:
    """Return an answer as HTTP; a copy that the caller has already is answered by 304."""
    status = answer.status or route.status
    headers = dict(answer.headers)
    etag = headers.get("ETag")
    if etag is not None and route.method == "GET" and has_copy(request.headers, etag):
        return Response(status=304, headers={"ETag": etag})
    if "Content-Type" in headers:
        return Response(answer.body, status, headers)
    if answer.body is None and status == 204:
        return Response(status=status, headers=headers)
    return Response(to_json(answer.body), status, headers or None, content_type="application/json")


def to_json(value: Any) -> bytes:
    """Return JSON in UTF-8; raises ``ValueError`` for NaN, which is no JSON."""
    # A lone surrogate has no UTF-8, but its escape is the same JSON.
    return _encode(value).encode("utf-8", "backslashreplace")


def _demand_no_body(environ: Environ) -> None:
    ignored = environ["REQUEST_METHOD"] in ("GET", "HEAD") or not has_body(environ)
    if not ignored and read_bytes(environ, _MAX_IGNORED_BYTES).strip():
        raise BadRequest("This route takes no body: send the request without one.", code="unexpected_body")


def _address(environ: Environ) -> str:
    address: str = environ.get("REMOTE_ADDR", "")
    return address


def _invalid(kind: type[ApiError], what: str, problems: list[Problem]) -> ApiError:
    first = str(problems[0])
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    errors = told(problems[:MAX_ERRORS])
    return kind(f"{first}{more}", code=f"invalid_{what}", title=f"The {what} is not valid", errors=errors)

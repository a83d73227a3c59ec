"""The web application: routes behind one door, and every failure a problem document."""

from __future__ import annotations

import logging
import random
import re
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Any, cast, overload

import flask
from flask import Flask, Response, g
from flask_cors import CORS
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from whenthen.errors import InvalidRuleError, WhenthenError
from whenthen_server.api import docs
from whenthen_server.api.dispatch import endpoints, to_json
from whenthen_server.api.guard import Door, demand_own_page, own_names
from whenthen_server.api.openapi import openapi
from whenthen_server.api.parts import Parts, Rooms
from whenthen_server.api.resources import all_routes, all_schemas
from whenthen_server.api.route import Route
from whenthen_server.api.schemas import components
from whenthen_server.logs import REQUESTS
from whenthen_server.problems import CONTENT_TYPE, ApiError, Internal, Unavailable, Unprocessable, of_status, told

_log = logging.getLogger("whenthen.web")
_requests = logging.getLogger(REQUESTS)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_IDS = random.Random()  # noqa: S311 - see ``_new_id``
_EXPOSED = ["ETag", "Location", "Retry-After", "X-Request-ID", "Idempotency-Replayed"]


class UnlistedRouteError(WhenthenError):
    """A route of which the policy table says nothing: with it the server does not start."""

    code = "unlisted_route"


@overload
def create_app(parts: Rooms) -> Flask: ...
@overload
def create_app(parts: Parts, routes: Iterable[Route], schemas: Mapping[str, Any] | None = None) -> Flask: ...
def create_app(parts: Parts, routes: Iterable[Route] | None = None, schemas: Mapping[str, Any] | None = None) -> Flask:
    """Return the application over *parts*, with all resources or the given *routes* and named *schemas*.

    Raises ``UnlistedRouteError`` for a route whose resource and verb the policy table does not list.
    """
    settings = parts.settings
    named = components(parts.registry, {**all_schemas(), **(schemas or {})})
    served = [*(all_routes(cast("Rooms", parts)) if routes is None else routes)]
    document = to_json(openapi(served, named, version=version("whenthen")))
    served += docs.routes(document)
    _demand_listed(served, parts)

    app = _Flask("whenthen_server", static_folder=None)
    # Flask would read FLASK_DEBUG by itself; a debugger is a way in, so it is off whatever the environment says.
    app.debug = False
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = settings.limits.body_bytes
    # Only browsers on pages elsewhere ask for OPTIONS.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = bool(settings.server.origins)
    for route, endpoint in endpoints(served, parts, named):
        app.add_url_rule(
            route.path,
            endpoint=route.name,
            view_func=endpoint,
            methods=[route.method],
        )
    # Werkzeug lets HEAD in wherever GET is.
    changing = {route.path for route in served if route.method == "GET" and not route.head}
    for rule in app.url_map.iter_rules():
        if rule.rule in changing and rule.methods is not None and "GET" in rule.methods:
            rule.methods.discard("HEAD")
    app.before_request(lambda: _begin(settings.server.origins))
    _register_errors(app)
    app.after_request(_Finish(parts))
    if settings.server.origins:
        CORS(app, origins=list(settings.server.origins), expose_headers=_EXPOSED, max_age=600)
    parts.attach(app)
    # Outermost, so that they hold for Socket.IO, too.
    names = own_names(settings.server.host, socket.gethostname().lower(), settings.server.hosts)
    app.wsgi_app = Door(app.wsgi_app, names)  # type: ignore[method-assign] # Flask's way to add middleware
    if settings.server.proxies:
        count = settings.server.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count)  # type: ignore[method-assign]
    return app


class _Flask(Flask):
    """Flask without coroutines: it would ask of each function, at each request, whether it is one."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function itself; none of ours is a coroutine."""
        return func


def _demand_listed(routes: Iterable[Route], parts: Parts) -> None:
    unlisted = [route for route in routes if (route.resource, route.verb) not in parts.policy]
    if unlisted:
        named = ", ".join(f"{route.name} ({route.resource}, {route.verb})" for route in unlisted)
        raise UnlistedRouteError(f"the policy table does not list: {named}")


def _begin(origins: tuple[str, ...]) -> None:
    environ = flask.request.environ
    state = g._get_current_object()  # noqa: SLF001 - Werkzeug's documented way past the proxy
    state.begun = time.perf_counter()
    given = environ.get("HTTP_X_REQUEST_ID", "")
    state.request_id = given if _REQUEST_ID.fullmatch(given) else _new_id()
    host = environ.get("HTTP_HOST", "")
    demand_own_page(environ["REQUEST_METHOD"], environ.get("HTTP_ORIGIN"), host, origins)


def _new_id() -> str:
    # Names a request in the log and guards nothing. The system's random bytes would cost a call in which each thread
    # lets go of the interpreter, and has to wait for it.
    return f"{_IDS.getrandbits(64):016x}"


def _register_errors(app: Flask) -> None:
    app.register_error_handler(ApiError, problem)
    app.register_error_handler(HTTPException, _of_library)
    app.register_error_handler(InvalidRuleError, _invalid_rule)
    app.register_error_handler(WhenthenError, lambda error: problem(Unprocessable(str(error), code=error.code)))
    app.register_error_handler(TimeoutError, _no_commit)
    app.register_error_handler(OperationalError, _no_database)
    app.register_error_handler(PoolTimeoutError, _no_database)
    app.register_error_handler(Exception, _unexpected)


def problem(error: ApiError) -> Response:
    """Return a failure as HTTP."""
    return Response(to_json(error.document()), error.status, error.headers, content_type=CONTENT_TYPE)


def _of_library(error: HTTPException) -> Response:
    """Word an error of Flask or Werkzeug as ours; its own text may hold anything, so it is not shown."""
    if error.response is not None or error.code is None:
        return error.get_response()  # type: ignore[return-value] # a redirect, or an answer made by hand
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After", "Location")}
    words = _WORDS.get(error.code, "")
    if "Allow" in headers:
        words = f"At this path there are {headers['Allow']}."
    return problem(of_status(error.code, words, headers))


_WORDS = {
    400: "The request is not HTTP as it should be.",
    404: "There is nothing at this path. /docs/ lists what there is.",
    413: "Send less at once; the setting limits.body_bytes says how much is taken.",
}


def _invalid_rule(error: InvalidRuleError) -> Response:
    title = "The rule is not valid"
    return problem(Unprocessable(str(error), code=error.code, title=title, errors=told(error.problems[:100])))


def _no_commit(error: Exception) -> Response:
    # No ApiError: those say that nothing was done, so that a keyed request may be done again.
    detail = f"No commit yet; what you sent may or may not be stored. The log has more under the id {_logged(error)}."
    return problem(Unavailable(detail, headers={"Retry-After": "5"}))


def _no_database(error: Exception) -> Response:
    error_id = _logged(error)
    detail = f"The database does not answer as it should. The log has the reason under the id {error_id}."
    return problem(Unavailable(detail, headers={"Retry-After": "5"}))


def _unexpected(error: Exception) -> Response:
    return problem(Internal(_logged(error)))


def _logged(error: Exception) -> str:
    error_id: str = g.get("request_id") or _new_id()
    _log.error("request failed", exc_info=error, extra={"request_id": error_id, "path": flask.request.path})
    return error_id


class _Finish:
    """Names every answer, counts it, and writes its line."""

    def __init__(self, parts: Parts) -> None:
        self._metrics = parts.metrics
        self._lines = parts.settings.logs.requests
        self._counters: dict[tuple[str, int], tuple[Any, Any]] = {}

    def __call__(self, response: Response) -> Response:
        state = g._get_current_object()  # noqa: SLF001 - Werkzeug's documented way past the proxy
        seconds = time.perf_counter() - state.begun
        response.headers.add("X-Request-ID", state.request_id)
        if "ETag" in response.headers and "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "private, no-cache"
        route: Route | None = state.get("route")
        count, duration = self._of(route.name if route else "none", response.status_code)
        count.inc()
        duration.observe(seconds)
        if self._lines and _requests.isEnabledFor(logging.INFO):
            _write_line(response, state.request_id, seconds)
        return response

    def _of(self, name: str, status: int) -> tuple[Any, Any]:
        """Return the two counters of a route and status; looking them up by label takes longer than counting."""
        counters = self._counters.get((name, status))
        if counters is None:
            counters = (
                self._metrics.requests.labels(name, str(status)),
                self._metrics.request_seconds.labels(name),
            )
            self._counters[name, status] = counters
        return counters


def _write_line(response: Response, request_id: str, seconds: float) -> None:
    request = flask.request
    caller = g.get("caller")
    _requests.info(
        "%s %s %d",
        request.method,
        request.path,
        response.status_code,
        extra={
            "request_id": request_id,
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "milliseconds": round(seconds * 1000, 3),
            "bytes": response.content_length,
            "caller": f"{caller.kind}:{caller.id}" if caller is not None else "",
            "address": request.remote_addr or "",
        },
    )

"""A route as a value: its place, its schemas, who may, and the function that answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, Required, TypedDict, TypeVar, Unpack

from whenthen_server.api.request import Request

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Schema = Mapping[str, Any]

_PARAMETER = re.compile(r"<(\w+)>")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a JSON-able *body*; or, with a ``Content-Type`` among *headers*, text, bytes or chunks of bytes.

    *status* ``None`` means the route's own. *again* is the JSON-able body for whoever sends the same keyed request once
    more, when *body* holds a secret that is shown once: answers are kept, secrets are not.
    """

    body: Any = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    again: Any = None


Handler = Callable[[Request], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One method at one path; see ``Described`` for the meaning of the fields."""

    method: Method
    path: str
    resource: str
    verb: str
    summary: str
    handler: Handler
    body: Schema | None = None
    query: Schema | None = None
    answer: Schema | None = None
    status: int = 200
    place: Callable[[Request], Any] | None = None
    body_required: bool = True
    body_checked: bool = True
    batch: bool = False
    etag: bool = False
    content_type: str = "application/json"
    other_types: tuple[str, ...] = ()
    documented: bool = True
    head: bool = True

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return the names in the path, such as ``("device_id",)``."""
        return tuple(_PARAMETER.findall(self.path))

    @property
    def openapi_path(self) -> str:
        """Return the path as OpenAPI writes it.

        >>> route("GET", "/api/rooms/<room_id>", resource="room", verb="read", summary="")(print)("needs").openapi_path
        '/api/rooms/{room_id}'
        """
        return _PARAMETER.sub(r"{\1}", self.path)

    @property
    def name(self) -> str:
        """Return the name by which logs, metrics and Flask know the route."""
        return f"{self.method} {self.path}"


class Described(TypedDict, total=False):
    """What is said of a route by name; ``Route`` has the defaults.

    *resource* and *verb* name a line of the policy table. *body*, *query* and *answer* are JSON Schemas (2020-12) that
    may refer to named ones by ``{"$ref": "#/components/schemas/Name"}``; a query schema is an object whose properties
    are the parameters. *status* is what a good answer has; *body_required* tells whether a body may be left out,
    *body_checked* whether its schema is checked before the handler is called (a handler that knows better words does it
    itself); *batch* allows the larger of the two body sizes; *etag* says that the answer carries one; *content_type* is
    that of a good answer, *other_types* are those that it can also have; *documented* tells whether the OpenAPI
    document lists it, *head* whether a GET may be asked for by HEAD, too: not where asking changes something.
    """

    resource: Required[str]
    verb: Required[str]
    summary: Required[str]
    body: Schema | None
    query: Schema | None
    answer: Schema | None
    status: int
    body_required: bool
    body_checked: bool
    batch: bool
    etag: bool
    content_type: str
    other_types: tuple[str, ...]
    documented: bool
    head: bool


Needs = TypeVar("Needs")
RouteOf = Callable[[Needs], Route]
"""What makes a route for those who have what its handler needs."""


def route(
    method: Method, path: str, *, place: Callable[[Any, Request], Any] | None = None, **described: Unpack[Described]
) -> Callable[[Callable[[Needs, Request], Answer]], RouteOf[Needs]]:
    """Turn a handler of what it needs and a request into what makes its ``Route``; nothing is registered.

    *place* is called with the same two and returns where the thing is that the request is about, or ``None`` when there
    is no such thing; without it the caller's right is asked for without a place.

    >>> @route("GET", "/api/greeting", resource="greeting", verb="read", summary="Say hello")
    ... def greeting(word: str, request: Request) -> Answer:
    ...     return Answer({"greeting": word})
    >>> greeting("hello").name
    'GET /api/greeting'
    """

    def made(handler: Callable[[Needs, Request], Answer]) -> RouteOf[Needs]:
        def bound(needs: Needs) -> Route:
            where = None if place is None else partial(place, needs)
            return Route(method, path, handler=partial(handler, needs), place=where, **described)

        return bound

    return made

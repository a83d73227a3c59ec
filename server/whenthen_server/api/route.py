"""A route as a value: its place, its schemas, who may, and the function that answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

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
    """One method at one path; see ``route`` for the meaning of the fields."""

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
    """Whether the OpenAPI document lists it."""
    head: bool = True
    """Whether a GET may be asked for by HEAD, too: not where asking changes something."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return the names in the path, such as ``("device_id",)``."""
        return tuple(_PARAMETER.findall(self.path))

    @property
    def openapi_path(self) -> str:
        """Return the path as OpenAPI writes it.

        >>> route("GET", "/api/rooms/<room_id>", resource="room", verb="read", summary="")(print).openapi_path
        '/api/rooms/{room_id}'
        """
        return _PARAMETER.sub(r"{\1}", self.path)

    @property
    def name(self) -> str:
        """Return the name by which logs, metrics and Flask know the route."""
        return f"{self.method} {self.path}"


def route(  # noqa: PLR0913 - all but the first two are named, and most have defaults
    method: Method,
    path: str,
    *,
    resource: str,
    verb: str,
    summary: str,
    body: Schema | None = None,
    query: Schema | None = None,
    answer: Schema | None = None,
    status: int = 200,
    place: Callable[[Request], Any] | None = None,
    body_required: bool = True,
    body_checked: bool = True,
    batch: bool = False,
    etag: bool = False,
    content_type: str = "application/json",
    other_types: tuple[str, ...] = (),
    documented: bool = True,
    head: bool = True,
) -> Callable[[Handler], Route]:
    """Turn a handler into a ``Route``; nothing is registered: each resource module returns its routes in a list.

    *resource* and *verb* name a line of the policy table. *place* is called with the request and returns where the
    thing is that it is about, or ``None`` when there is no such thing; without it the caller's right is asked for
    without a place. *body*, *query* and *answer* are JSON Schemas (2020-12) that may refer to named ones by
    ``{"$ref": "#/components/schemas/Name"}``; a query schema is an object whose properties are the parameters.
    *status* is what a good answer has; *body_required* tells whether a body may be left out, *body_checked* whether its
    schema is checked before the handler is called (a handler that knows better words does it itself); *batch* allows
    the larger of the two body sizes; *etag* says that the answer carries one; *content_type* is that of a good answer,
    *other_types* are those that it can also have; *head* tells whether HEAD may ask for it.
    """

    def made(handler: Handler) -> Route:
        return Route(
            method=method,
            path=path,
            resource=resource,
            verb=verb,
            summary=summary,
            handler=handler,
            body=body,
            query=query,
            answer=answer,
            status=status,
            place=place,
            body_required=body_required,
            body_checked=body_checked,
            batch=batch,
            etag=etag,
            content_type=content_type,
            other_types=other_types,
            documented=documented,
            head=head,
        )

    return made

"""A request as a handler sees it: everything in it has been checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol


class Role(Protocol):
    """A role; ``word`` is how it is written."""

    @property
    def word(self) -> str:
        """Return ``viewer``, ``operator``, ``manager`` or ``owner``."""


class RoomGrant(Protocol):
    """A role in one room of a farm."""

    @property
    def farm(self) -> str:
        """Return the farm's id."""

    @property
    def role(self) -> Role:
        """Return the role."""


class Caller(Protocol):
    """Who is asking, as far as the web layer needs to know."""

    @property
    def kind(self) -> str:
        """Return ``anonymous``, ``device``, ``person`` or ``api_key``."""

    @property
    def id(self) -> str:
        """Return the id within its kind."""

    @property
    def name(self) -> str:
        """Return the name for people."""

    @property
    def roles(self) -> Mapping[str, Any]:
        """Return the roles by farm, ``*`` meaning everywhere."""

    @property
    def rooms(self) -> Mapping[str, Any]:
        """Return the grants by room."""

    @property
    def device_id(self) -> str | None:
        """Return the device that is asking, if one is."""


def _nothing() -> Any:
    return None


@dataclass(frozen=True)
class Request:
    """One request.

    *path* holds the path's parameters as texts, *query* the parameters by name as the route's schema types them, with
    its defaults filled in; *address* is the network address that asks and *id* the request's id in the log.
    """

    caller: Any
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    id: str = ""
    base_url: str = ""
    read_body: Callable[[], Any] = _nothing

    @cached_property
    def body(self) -> Any:
        """Return the JSON body, valid by the route's schema; ``None`` when there is none.

        Raises ``Unprocessable`` (or ``BadRequest``, ``TooLarge``, ``UnsupportedMediaType``): it is read when it is
        first asked for, so that who may not do a thing learns nothing about the form in which it would be done.
        """
        return self.read_body()

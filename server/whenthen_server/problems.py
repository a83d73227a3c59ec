"""What a caller is told when a request fails: one tree of errors, each a problem document (RFC 9457)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from whenthen.errors import Problem

CONTENT_TYPE = "application/problem+json"


_HOW_TO_SIGN_IN = (
    "Send a key or token as 'Authorization: Bearer …'; in a browser, open the address that 'whenthen login-url' prints."
)


class ApiError(Exception):
    """A request that fails, with all that its caller may know.

    *detail* is one sentence for people; *errors* holds for each fault its ``pointer`` (a JSON Pointer into the body, or
    ``/name`` of a query parameter), ``message`` and ``hint``; *headers* go out with the answer.

    >>> NotFound("There is no device 'dev-9'.").document()["status"]
    404
    """

    status: int = 500
    code: str = "internal_error"
    title: str = "Something went wrong"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        title: str | None = None,
        errors: Iterable[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.title = title or self.title
        self.errors: list[dict[str, Any]] = [dict(error) for error in errors]
        self.headers: dict[str, str] = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """Return the problem as its JSON body: ``type``, ``title``, ``status``, ``code``, ``detail``, ``errors``."""
        body: dict[str, Any] = {
            "type": f"urn:whenthen:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = self.errors
        return body


class BadRequest(ApiError):  # noqa: N818 - named after the status; here and below
    """400: the request cannot be read."""

    status, code, title = 400, "bad_request", "The request cannot be read"


class Unauthorized(ApiError):  # noqa: N818
    """401: nobody, or nobody that we know."""

    status, code, title = 401, "unauthorized", "Sign in first"

    def __init__(self, detail: str = "", **more: Any) -> None:
        super().__init__(detail or _HOW_TO_SIGN_IN, **more)
        self.headers.setdefault("WWW-Authenticate", 'Bearer realm="whenthen"')


class Forbidden(ApiError):  # noqa: N818
    """403: known, but not allowed."""

    status, code, title = 403, "forbidden", "You may not do this"


class NotFound(ApiError):  # noqa: N818
    """404: not there, or not for this caller to know of."""

    status, code, title = 404, "not_found", "There is no such thing"


class MethodNotAllowed(ApiError):  # noqa: N818
    """405: the path is right, the method is not; the header ``Allow`` says which are."""

    status, code, title = 405, "method_not_allowed", "This method is not possible here"


class Conflict(ApiError):  # noqa: N818
    """409: at odds with what is there."""

    status, code, title = 409, "conflict", "This collides with what is there"


class PreconditionFailed(ApiError):  # noqa: N818
    """412: the thing has changed since the caller read it."""

    status, code, title = 412, "precondition_failed", "It has changed in the meantime"


class TooLarge(ApiError):  # noqa: N818
    """413: the body is larger than is taken."""

    status, code, title = 413, "too_large", "The body is too large"


class UnsupportedMediaType(ApiError):  # noqa: N818
    """415: the body is not in a form that is taken."""

    status, code, title = 415, "unsupported_media_type", "The body is in a form that is not taken"


class MisdirectedRequest(ApiError):  # noqa: N818
    """421: the ``Host`` is none of ours."""

    status, code, title = 421, "unknown_host", "This server does not go by that name"


class Unprocessable(ApiError):  # noqa: N818
    """422: readable, but not valid; *errors* say where and why."""

    status, code, title = 422, "invalid", "The request is not valid"


class TooManyRequests(ApiError):  # noqa: N818
    """429: too many requests; ``Retry-After`` says when to come back."""

    status, code, title = 429, "too_many_requests", "Too many requests"


class Unavailable(ApiError):  # noqa: N818
    """503: not at the moment; ``Retry-After`` says when to come back."""

    status, code, title = 503, "unavailable", "Not at the moment"


class Internal(ApiError):  # noqa: N818
    """500: our fault; the caller learns an id, the log has the same id and the reason."""

    def __init__(self, error_id: str) -> None:
        super().__init__(f"The fault is the server's. Its log has the reason under the id {error_id}.")
        self.error_id = error_id

    def document(self) -> dict[str, Any]:
        """Return the problem with its ``id`` and nothing about the reason."""
        return {**super().document(), "id": self.error_id}


_BY_STATUS: dict[int, type[ApiError]] = {
    kind.status: kind for kind in ApiError.__subclasses__() if kind is not Internal
}


class _Other(ApiError):  # noqa: N818
    """Any other status, worded as HTTP words it."""

    phrases: ClassVar[dict[int, str]] = {status.value: status.phrase for status in HTTPStatus}

    def __init__(self, status: int, detail: str) -> None:
        title = self.phrases.get(status, "The request failed")
        super().__init__(detail, code=title.lower().replace(" ", "_").replace("-", "_"), title=title)
        self.status = status


def of_status(status: int, detail: str = "", headers: Mapping[str, str] | None = None) -> ApiError:
    """Return the error for a status that a library chose.

    >>> of_status(404).code, of_status(418).code
    ('not_found', "i'm_a_teapot")
    """
    kind = _BY_STATUS.get(status)
    error = kind(detail) if kind else _Other(status, detail)
    error.headers.update(headers or {})
    return error


def told(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Return the engine's problems as the ``errors`` of a document."""
    return [
        {"pointer": problem.pointer, "message": problem.message, "hint": problem.hint, "code": problem.code}
        for problem in problems
    ]

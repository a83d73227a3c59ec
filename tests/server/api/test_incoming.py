"""A request's headers and bytes: read once, whole, and never more than is taken."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from whenthen_server.api.incoming import Headers, read_json
from whenthen_server.problems import ApiError, BadRequest, TooLarge


def request(body: bytes, **environ: Any) -> dict[str, Any]:
    return {
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
        **environ,
    }


def chunked(body: bytes, **environ: Any) -> dict[str, Any]:
    made = request(body, HTTP_TRANSFER_ENCODING="chunked", **environ)
    del made["CONTENT_LENGTH"]
    return made


def read(environ: dict[str, Any]) -> Any:
    return read_json(environ, max_bytes=20, max_depth=5)


@pytest.mark.parametrize("made", [request, chunked])
def test_a_body_of_the_largest_size_is_read_whole(made: Any) -> None:
    assert read(made(b'{"a":"0123456789ab"}')) == {"a": "0123456789ab"}


@pytest.mark.parametrize("made", [request, chunked])
def test_one_byte_more_is_too_large_also_when_what_comes_before_is_json(made: Any) -> None:
    with pytest.raises(TooLarge):
        read(made(b'{"a":"0123456789ab"} '))


def test_a_large_body_is_refused_by_its_length_before_it_is_read() -> None:
    environ = request(b"", CONTENT_LENGTH="1000000000000")

    with pytest.raises(TooLarge):
        read(environ)


def test_a_body_that_ends_too_early_is_not_taken_for_the_whole() -> None:
    with pytest.raises(BadRequest, match="before it was complete"):
        read(request(b"[1, 2]", CONTENT_LENGTH="9"))


@pytest.mark.parametrize("length", ["-1", "1.5", "٣", "0x10", "1,1"])
def test_a_length_that_is_none_is_refused(length: str) -> None:
    with pytest.raises(ApiError) as told:
        read(request(b"[1]", CONTENT_LENGTH=length))

    assert told.value.status == 400


def test_no_body_is_none() -> None:
    assert read({"CONTENT_LENGTH": ""}) is None
    assert read({}) is None
    assert read(chunked(b"")) is None


def test_a_body_whose_end_the_server_cannot_tell_is_not_waited_for() -> None:
    environ = chunked(b"[1]")
    del environ["wsgi.input_terminated"]

    assert read(environ) is None


def test_headers_are_found_whatever_their_case_and_nothing_else_of_the_environment_is() -> None:
    headers = Headers({"HTTP_IF_MATCH": "*", "CONTENT_TYPE": "a/b", "SECRET_KEY": "hush", "REQUEST_METHOD": "GET"})

    assert headers["if-match"] == headers.get("IF-MATCH") == "*"
    assert dict(headers) == {"If-Match": "*", "Content-Type": "a/b"}
    assert "Secret-Key" not in headers
    assert headers.get("Request-Method") is None


def test_a_header_that_was_not_sent_is_none_or_what_was_asked_for_instead() -> None:
    headers = Headers({"HTTP_IF_MATCH": "*", "CONTENT_TYPE": "application/json"})

    assert (headers.get("if-match"), headers.get("Content-Type")) == ("*", "application/json")
    assert (headers.get("X-Device-Key"), headers.get("X-Device-Key", "none")) == (None, "none")

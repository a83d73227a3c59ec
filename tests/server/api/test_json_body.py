"""Bodies from strangers: what is no JSON, what only looks like it, and what nothing downstream could keep."""

from __future__ import annotations

import json
import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whenthen_server.api.json_body import parse_json
from whenthen_server.problems import BadRequest

_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(_VALUES)
def test_what_json_can_say_is_read_as_it_was_written(value: object) -> None:
    assert parse_json(json.dumps(value).encode(), max_depth=30) == value


@pytest.mark.parametrize(
    ("text", "code", "pointer"),
    [
        (b'{"a": [1, NaN]}', "invalid_number", "/a/1"),
        (b'{"a": {"b/c": -Infinity}}', "invalid_number", "/a/b~1c"),
        (b'[1, {"x": 1e400}]', "invalid_number", "/1/x"),
        (b"[1e309]", "invalid_number", "/0"),
        (b"[-1E+0309]", "invalid_number", "/0"),
        (b"[99999999999999999999.5e290]", "invalid_number", "/0"),
        (b"[" + b"9" * 309 + b".0]", "invalid_number", "/0"),
        (b"[-9007199254740993]", "invalid_number", "/0"),
        (b'{"x": ' + b"9" * 5000 + b"}", "invalid_number", "/x"),
        (b'{"x": 9007199254740993}', "invalid_number", "/x"),
        (b'{"a": {"b": 1, "b": 2}}', "duplicate_field", "/a/b"),
        (b'{"a": ["\\ud800"]}', "invalid_text", "/a/0"),
        (b'{"a": "x\\u0000y"}', "invalid_text", "/a"),
        (b'{"a": {"\\udfff": 1}}', "invalid_text", "/a"),
        (b'{"a": "\xff"}', "invalid_utf8", ""),
        (b"\xef\xbb\xbf{}", "invalid_json", ""),
        ('{"a": 1}'.encode("utf-16"), "invalid_utf8", ""),
        (b'{"a": 1,}', "invalid_json", ""),
        (b"{'a': 1}", "invalid_json", ""),
        (b'{"a": 01}', "invalid_json", ""),
        (b"[1] [2]", "invalid_json", ""),
        (b"", "invalid_json", ""),
        (b"[" * 6 + b"]" * 6, "too_deep", ""),
        (b"[" * 100_000, "too_deep", ""),
        (b'{"a":' * 100_000, "too_deep", ""),
        (b"[" * 6 + b"NaN" + b"]" * 6, "too_deep", ""),
    ],
)
def test_what_is_refused_is_refused_with_its_place(text: bytes, code: str, pointer: str) -> None:
    with pytest.raises(BadRequest) as told:
        parse_json(text, max_depth=5)

    assert (told.value.code, told.value.errors[0]["pointer"]) == (code, pointer)
    assert told.value.errors[0]["hint"]
    json.dumps(told.value.document(), allow_nan=False).encode()


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?", fullmatch=True))
def test_no_number_gets_through_that_is_not_finite_or_not_exact(text: str) -> None:
    with suppress(BadRequest):
        value = parse_json(text.encode(), max_depth=5)
        assert abs(value) <= 2**53 if isinstance(value, int) else math.isfinite(value)


def test_the_allowed_depth_is_allowed() -> None:
    assert parse_json(b"[[[[[1]]]]]", max_depth=5) == [[[[[1]]]]]


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_read_or_be_refused(data: bytes) -> None:
    with suppress(BadRequest):
        json.dumps(parse_json(data, max_depth=5), allow_nan=False).encode()

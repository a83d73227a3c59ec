"""Cursors: what was given out is read back, anything else is refused."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whenthen_server.api.cursor import decode_cursor, encode_cursor
from whenthen_server.problems import BadRequest

_IDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=50)


@given(st.integers(-(2**63) + 1, 2**63 - 1), _IDS)
def test_a_position_comes_back_as_it_was(at_us: int, name: str) -> None:
    assert decode_cursor(encode_cursor([at_us, name]), (int, str)) == (at_us, name)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "[1]",
        '["1","a"]',
        "[1,2]",
        "[true,1]",
        '[1.5,"a"]',
        '[NaN,"a"]',
        "{}",
        "1",
        "null",
        '[1,"a\\u0000"]',
        "[" * 500,
        f'[{2**63},"a"]',
        f'[{"9" * 700},"a"]',
        '[1,"a",2]',
        "['a']",
        "",
    ],
)
def test_a_cursor_of_another_shape_is_refused(text: str) -> None:
    cursor = urlsafe_b64encode(text.encode()).decode().rstrip("=")

    with pytest.raises(BadRequest) as told:
        decode_cursor(cursor, (int, str))

    assert told.value.code == "invalid_cursor"


@given(st.text(max_size=1500))
def test_no_text_does_anything_but_be_read_or_be_refused(cursor: str) -> None:
    with suppress(BadRequest):
        at_us, name = decode_cursor(cursor, (int, str))
        assert (type(at_us), type(name)) == (int, str)


def test_a_long_cursor_is_not_even_looked_at() -> None:
    with pytest.raises(BadRequest):
        decode_cursor(encode_cursor([1, "a" * 2000]), (int, str))

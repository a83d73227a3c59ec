"""Lines are compared with what an independent parser of the protocol reads in them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_protocol_parser import parse_line

from whenthen_archive.line import Value, line_of

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AT_NS = 1_772_442_000_000_000_000

words = st.text(st.characters(categories=["L", "N", "P", "S"], include_characters=" "), min_size=1).filter(
    lambda word: word == word.strip() and not word.startswith("#") and not word.endswith("\\") and "\\" not in word
)
texts = st.text()
numbers = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)  # the parser refuses subnormal ones


@given(words, st.dictionaries(words, words), st.dictionaries(words, numbers | st.booleans(), min_size=1))
def test_a_parser_reads_what_was_meant(measurement: str, tags: dict[str, Value], fields: dict[str, Value]) -> None:
    line = line_of(measurement, tags, fields, AT)

    assert line is not None
    assert parse_line(line) == {"measurement": measurement, "tags": tags, "fields": fields, "time": AT_NS}


@given(texts, texts, texts)
def test_no_text_can_forge_a_line_a_tag_or_a_field(measurement: str, tag: str, field: str) -> None:
    try:
        line = line_of(measurement, {"tag": tag}, {"field": field, "number": 1}, AT)
    except ValueError:
        return

    assert line is not None
    assert line.isprintable()
    read = parse_line(line)
    assert set(read["tags"]) <= {"tag"}
    assert set(read["fields"]) == {"field", "number"}
    assert read["time"] == AT_NS


def test_a_text_keeps_its_quotes_and_backslashes() -> None:
    line = line_of("m", {}, {"said": 'C:\\new "x"'}, AT)

    assert line == f'm said="C:\\\\new \\"x\\"" {AT_NS}'


def test_every_number_is_a_float_and_nothing_is_left_of_what_has_no_value() -> None:
    line = line_of("m", {"room": None, "empty": "", "on": True}, {"a": 20, "b": None, "c": False}, AT)

    assert line == f"m,on=true a=20.0,c=false {AT_NS}"


def test_an_instant_is_the_same_in_every_zone() -> None:
    east = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert line_of("m", {}, {"a": 1}, east) == line_of("m", {}, {"a": 1}, AT)


def test_without_any_value_there_is_no_line() -> None:
    assert line_of("m", {"room": "7"}, {"a": None}, AT) is None


@pytest.mark.parametrize(
    ("measurement", "field", "value"),
    [(" ", "a", 1), ("# m", "a", 1), ("m", "", 1), ("m", "a", float("nan")), ("m", "a", "x" * 64_000)],
)
def test_what_cannot_be_a_line_is_a_value_error(measurement: str, field: str, value: Value) -> None:
    with pytest.raises(ValueError, match=r"name|comment|number|bytes"):
        line_of(measurement, {}, {field: value}, AT)

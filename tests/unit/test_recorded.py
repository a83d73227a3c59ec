"""Recorded readings: what a file may hold, and what of it is left out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from whenthen.clock import from_us, to_us
from whenthen.model.event import Event
from whenthen.model.reading import Reading
from whenthen.model.step import Restart, RunByHand, Step, Switch, Tick
from whenthen.recorded import BadRow, Recording, RecordingError, Row
from whenthen.recorded.written import lines

BRUSSELS = ZoneInfo("Europe/Brussels")


class Reader:
    """Reads a text as a file of the given ending."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(
        self, text: str | bytes, *, name: str = "r.csv", zone: ZoneInfo | None = None, device: str = "device"
    ) -> list[Row]:
        path = self._folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with Recording(path, device=device, zone=zone or UTC) as recording:
            return list(recording)


@pytest.fixture
def rows(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def only(rows: list[Row]) -> Reading:
    (reading,) = rows
    assert isinstance(reading, Reading)
    return reading


def us(text: str) -> int:
    return to_us(datetime.fromisoformat(text))


def times(rows: list[Row]) -> list[str]:
    return [from_us(row.received_us).strftime("%d %H:%M") for row in rows if isinstance(row, Reading)]


def test_csv_gives_a_reading_for_each_row(rows: Reader) -> None:
    read = rows("timestamp,device,temperature,door\n2026-03-02T09:00:00Z,dev-1,21.5,open\n")

    assert read == [Reading("dev-1", {"temperature": 21.5, "door": "open"}, us("2026-03-02T09:00:00+00:00"))]


def test_csv_without_a_device_column_takes_the_name_given(rows: Reader) -> None:
    reading = only(rows("timestamp,co2\n2026-03-02T09:00:00Z,700\n", device="office"))

    assert reading.device == "office"


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("426", 426),
        ("-7", -7),
        ("23.18", 23.18),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("open", "open"),
        (" 12 ", 12),
        ("1_000", "1_000"),
        ("٣", "٣"),
        ('"a, b"', "a, b"),
        ("0x10", "0x10"),
    ],
)
def test_csv_cell_means(rows: Reader, cell: str, value: object) -> None:
    reading = only(rows(f"timestamp,x\n2026-03-02T09:00:00Z,{cell}\n"))

    assert reading.values == {"x": value}
    assert type(reading.values["x"]) is type(value)


@pytest.mark.parametrize("cell", ["", "   "])
def test_an_empty_csv_cell_is_no_reading(rows: Reader, cell: str) -> None:
    reading = only(rows(f"timestamp,x,y\n2026-03-02T09:00:00Z,{cell},1\n"))

    assert reading.values == {"y": 1}


def test_a_number_that_is_not_finite_is_left_to_the_engine_to_refuse(rows: Reader) -> None:
    reading = only(rows("timestamp,x\n2026-03-02T09:00:00Z,nan\n"))

    assert reading.values["x"] != reading.values["x"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2026-03-02T09:00:00Z", "the row has 1 cells, the header 2"),
        ("2026-03-02T09:00:00Z,1,2", "the row has 3 cells, the header 2"),
        ("yesterday,1", "'yesterday' is no time; write it as 2026-03-01T14:30:00"),
        (",1", "there is no timestamp"),
        ('2026-03-02T09:00:00Z,"1', "a quote is not closed, or stands in the middle of a cell"),
        ("0001-01-01T00:00:00+23:00,1", "the year of '0001-01-01T00:00:00+23:00' is not between 1970 and 2100"),
    ],
)
def test_a_bad_csv_row_is_told_with_its_line_and_the_rest_goes_on(rows: Reader, row: str, reason: str) -> None:
    read = rows(f"timestamp,x\n2026-03-02T08:00:00Z,1\n{row}\n2026-03-02T10:00:00Z,3\n")

    assert read[1] == BadRow(3, reason)
    assert times(read) == ["02 08:00", "02 10:00"]


def test_a_csv_row_that_is_not_utf8_costs_only_itself(rows: Reader) -> None:
    read = rows(b"timestamp,x\n2026-03-02T08:00:00Z,\xff\xfe\n2026-03-02T10:00:00Z,3\n")

    assert read[0] == BadRow(2, "a cell is not UTF-8 text")
    assert times(read) == ["02 10:00"]


def test_a_csv_row_without_a_device_is_bad_when_there_is_a_device_column(rows: Reader) -> None:
    assert rows("timestamp,device,x\n2026-03-02T08:00:00Z,,1\n") == [BadRow(2, "there is no device")]


def test_blank_lines_are_skipped(rows: Reader) -> None:
    assert times(rows("timestamp,x\n\n2026-03-02T08:00:00Z,1\n\n")) == ["02 08:00"]


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(rows: Reader) -> None:
    reading = only(rows(b"\xef\xbb\xbftimestamp,x\r\n2026-03-02T08:00:00Z,1\r\n"))

    assert reading.values == {"x": 1}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("time,x\n", "there is no column 'timestamp' among 'time', 'x'"),
        ("timestamp;x\n", "separate columns by commas"),
        ("timestamp,x,x\n", "the column 'x' is there twice"),
        (",timestamp,x\n", "column 1 of the header has no name"),
    ],
)
def test_a_csv_of_which_nothing_can_be_read_says_why(rows: Reader, text: str, says: str) -> None:
    with pytest.raises(RecordingError, match=says):
        rows(text)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x7fELF\x02\x00" + b"\x1b[2J,\xff\n" * 50_000, "the file is not UTF-8 text"),
        (b"x" * 100_000 + b"\n", "for example timestamp,device,co2"),
        (b",".join(b"%d" % n for n in range(9_000)), "'3', '4' and 8,995 more; the first line must name"),
        ("timestamp,co2\n".encode("utf-16"), "the file is not UTF-8 text"),
        (b'"\x00\x01,' * 40_000, "its first line: a quote is not closed"),
        (b"timestamp," + b"y" * 40_000 + b"," + b"y" * 40_000, "yyy...' is there twice"),
    ],
)
def test_what_is_no_csv_is_told_in_a_short_line_without_control_characters(
    rows: Reader, content: bytes, says: str
) -> None:
    with pytest.raises(RecordingError) as refused:
        rows(content)

    said = str(refused.value)
    assert says in said
    assert said.isprintable()
    assert len(said) < 400


def test_an_ending_that_nobody_knows_says_why(rows: Reader) -> None:
    with pytest.raises(RecordingError, match=r"neither in \.csv nor in \.jsonl"):
        rows("x", name="readings.xlsx")


def test_an_empty_json_lines_file_says_why(rows: Reader) -> None:
    with pytest.raises(RecordingError, match="is empty"):
        rows("", name="r.jsonl")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2015-02-04T18:00:00", "2015-02-04T17:00:00+00:00"),
        ("2015-02-04 18:00", "2015-02-04T17:00:00+00:00"),
        ("2015-02-04T18:00:00Z", "2015-02-04T18:00:00+00:00"),
        ("2015-02-04T18:00:00-05:00", "2015-02-04T23:00:00+00:00"),
        ("1423069200", "2015-02-04T17:00:00+00:00"),
        ("1423069200.5", "2015-02-04T17:00:00.500000+00:00"),
        ("1423069200000", "2015-02-04T17:00:00+00:00"),
    ],
)
def test_a_timestamp_means(rows: Reader, text: str, instant: str) -> None:
    reading = only(rows(f"timestamp,x\n{text},1\n", zone=BRUSSELS))

    assert reading.received_us == us(instant)


def test_a_doubled_local_time_is_the_first_pass_until_it_would_go_back(rows: Reader) -> None:
    local = ["01:30", "02:00", "02:30", "02:00", "02:30", "03:00"]
    text = "timestamp,x\n" + "".join(f"2026-10-25T{time},1\n" for time in local)

    assert times(rows(text, zone=BRUSSELS)) == ["24 23:30", "25 00:00", "25 00:30", "25 01:00", "25 01:30", "25 02:00"]


def test_a_doubled_local_time_is_judged_for_each_device(rows: Reader) -> None:
    text = "timestamp,device,x\n2026-10-25T02:30:05,a,1\n2026-10-25T02:30:03,b,1\n2026-10-25T02:31:00,b,1\n"

    assert times(rows(text, zone=BRUSSELS)) == ["25 00:30", "25 00:30", "25 00:31"]


def test_a_local_time_in_the_gap_of_spring_is_read_with_the_offset_before_it(rows: Reader) -> None:
    assert times(rows("timestamp,x\n2026-03-29T02:30:00,1\n", zone=BRUSSELS)) == ["29 01:30"]


def test_json_lines_give_readings_and_events(rows: Reader) -> None:
    text = (
        '{"device": "dev-1", "timestamp": "2026-03-02T09:00:00Z", "values": {"accelerometer": {"x": 1}}}\n'
        '{"at": 1772442000, "data": {"co2": null}}\n'
        '{"event": "button_pressed", "timestamp": "2026-03-02T09:00:00Z", "device": "dev-1", "data": {"n": 1}}\n'
    )
    nine = us("2026-03-02T09:00:00+00:00")

    assert rows(text, name="r.jsonl") == [
        Reading("dev-1", {"accelerometer": {"x": 1}}, nine),
        Reading("device", {"co2": None}, nine),
        Event("button_pressed", nine, {"n": 1}, "dev-1"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes at column"),
        ("7", "not a JSON object"),
        ("[" * 100_000, "not JSON that can be read"),
        ('{"n": ' + "9" * 5_000 + "}", "not JSON that can be read"),
        ('{"values": {"x": 1}}', "there is no 'timestamp'"),
        ('{"timestamp": true, "values": {}}', "the timestamp is neither text nor a number"),
        ('{"timestamp": "2026-03-02", "vaules": {}}', "there is neither an object 'values' nor an 'event'"),
        ('{"timestamp": "2026-03-02", "device": 7, "values": {}}', "'device' is not text"),
        ('{"timestamp": "2026-03-02", "event": ""}', "the event has no name"),
        ('{"timestamp": "2026-03-02", "event": "e", "data": 1}', "the event's 'data' is not an object"),
    ],
)
def test_a_bad_json_line_is_told_with_its_number_and_the_rest_goes_on(rows: Reader, line: str, reason: str) -> None:
    read = rows(f'{line}\n\n{{"timestamp": "2026-03-02T09:00:00Z", "values": {{"x": 1}}}}\n', name="r.jsonl")

    assert isinstance(read[0], BadRow)
    assert read[0].line == 1
    assert read[0].reason.startswith(reason)
    assert times(read) == ["02 09:00"]


STEPS: list[Step] = [
    Reading("a", {"x": 1.5, "y": None}, 2_000_000),
    Reading("a", {"x": "on"}, 3_000_000, at_us=1_500_000),
    Event("door", 4_000_000, {"side": "left"}, room="room-7"),
    Restart(5_000_000, 2_500_000),
    RunByHand(8_000_000, "r", device="a", force=True),
    Switch(9_000_000, "r", enabled=False),
    Switch(9_000_001, "r", enabled=True),
    Tick(10_000_000),
]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines(STEPS)), encoding="utf-8")
    with Recording(path) as recording:
        assert list(recording) == STEPS


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"restart": 5}, "'restart' is neither true nor an object with 'down_seconds'"),
        ({"restart": {"down_seconds": -1}}, "'down_seconds' is no number from 0 to"),
        ({"restart": {"down_seconds": True}}, "'down_seconds' is no number from 0 to"),
        ({"run": ""}, "'run' names no rule"),
        ({"run": "r", "force": "yes"}, "'force' is neither true nor false"),
        ({"enable": 7}, "'enable' is not text"),
        ({"values": {}, "received_at": "soon"}, "'soon' is no time"),
    ],
)
def test_a_step_that_cannot_be_read_says_why(line: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    path.write_text(json.dumps({"timestamp": 1_767_225_600, **line}) + "\n", encoding="utf-8")
    with Recording(path) as recording:
        (row,) = recording
    assert isinstance(row, BadRow)
    assert said in row.reason

"""Whoever writes, and however slowly it is read: frames are whole, in order, and none waits for another's client."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import threading
from collections.abc import Callable, Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol, Opcode

from whenthen_server.live.line import Line
from whenthen_server.live.packets import Batch, frame_of, parcel

WAIT_SECONDS = 20.0
Pair = tuple[Line, socket.socket]
PairOf = Callable[[], Pair]


def pair(is_open: Callable[[], bool] = lambda: True) -> tuple[socket.socket, Line, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    theirs.settimeout(WAIT_SECONDS)
    return ours, Line(ours, is_open), theirs


@pytest.fixture
def line() -> Generator[Pair]:
    ours, made, theirs = pair()
    with ours, theirs:
        yield made, theirs


def payloads(data: bytes) -> list[str]:
    """Return the texts of whole frames, those of control frames as their name."""
    protocol = FrameProtocol(client=True, extensions=[])
    protocol.receive_bytes(data)
    found, parts = [], ""
    for frame in protocol.received_frames():
        if frame.opcode.iscontrol():
            found.append(Opcode(frame.opcode).name)
            continue
        parts += str(frame.payload)
        if frame.message_finished:
            found.append(parts)
            parts = ""
    assert not parts
    return found


def received(theirs: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += theirs.recv(min(65_536, size - len(data)))
    return data


def control(name: str) -> bytes:
    protocol = FrameProtocol(client=False, extensions=[])
    return bytes(protocol.pong(b"pong") if name == "PONG" else protocol.close())


def batch(*sizes: int) -> Batch:
    return Batch([parcel("e", [number, "x" * size]) for number, size in enumerate(sizes)])


def texts(some: Batch, count: int | None = None) -> list[str]:
    return [str(one.packet.encode()) for one in some.parcels[:count]]


def filled(line: Line) -> Batch:
    """Have a frame begun that does not fit; return it."""
    large = batch(3_000_000)

    assert line.offer(large) == 1
    assert line.has_rest
    return large


def test_what_fits_is_written_at_once_in_one_piece(line: Pair) -> None:
    ours, theirs = line
    some = batch(10, 20, 30)

    assert ours.offer(some) == 3
    assert not ours.has_rest
    assert payloads(theirs.recv(4_096)) == texts(some)


def test_a_frame_that_was_begun_is_finished_before_anything_else(line: Pair) -> None:
    ours, theirs = line
    large = filled(line[0])
    writer = threading.Thread(target=ours.send, args=(control("PONG"),))
    writer.start()
    data = received(theirs, len(large.data) + len(control("PONG")))
    writer.join(WAIT_SECONDS)

    assert payloads(data) == [*texts(large), "PONG"]
    assert not ours.has_rest


def test_nothing_is_begun_behind_a_rest_or_where_there_is_no_room(line: Pair) -> None:
    ours, theirs = line
    large = filled(ours)

    assert ours.offer(batch(1)) == 0

    writer = threading.Thread(target=ours.deliver, args=(b"",))
    writer.start()
    received(theirs, len(large.data))
    writer.join(WAIT_SECONDS)

    assert ours.offer(batch(1)) == 1


def test_only_the_frames_that_were_begun_are_done(line: Pair) -> None:
    ours, theirs = line
    some = batch(*[2_000] * 2_000)
    done = ours.offer(some)

    assert 0 < done < 2_000

    writer = threading.Thread(target=ours.deliver, args=(b"",))
    writer.start()
    data = received(theirs, some.ends[done - 1])
    writer.join(WAIT_SECONDS)

    assert payloads(data) == texts(some, done)


def test_who_is_blocked_in_writing_holds_up_nobody_else_and_is_freed_by_the_end(line: Pair) -> None:
    ours, theirs = line
    large = frame_of("x" * 3_000_000)
    failed: list[OSError] = []

    def write() -> None:
        try:
            ours.deliver(large)
        except OSError as error:
            failed.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    received(theirs, 1)  # it has begun

    assert ours.offer(batch(1)) == 0

    ours.close()
    writer.join(WAIT_SECONDS)

    assert len(failed) == 1
    assert not writer.is_alive()


def test_after_the_closing_frame_comes_nothing_more() -> None:
    is_open = True
    wire, line, theirs = pair(lambda: is_open)
    with wire, theirs:
        line.deliver(frame_of("before"))
        is_open = False
        line.send(control("CLOSE"))

        assert line.offer(batch(1)) == 0
        with pytest.raises(OSError, match="closed"):
            line.deliver(frame_of("after"))
        line.close()
        assert payloads(received(theirs, len(frame_of("before")) + len(control("CLOSE")))) == ["before", "CLOSE"]
        assert theirs.recv(1) == b""


def test_what_is_closed_takes_nothing(line: Pair) -> None:
    ours, _ = line
    ours.close()
    ours.close()

    assert ours.offer(batch(1)) == 0


def test_over_tls_nothing_is_written_at_once() -> None:
    ours, theirs = socket.socketpair()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with theirs, context.wrap_socket(ours, server_side=True, do_handshake_on_connect=False) as wrapped:
        assert Line(wrapped, lambda: True).offer(batch(1)) == 0


@given(
    st.lists(st.lists(st.integers(0, 30_000), min_size=1, max_size=4), min_size=1, max_size=12), st.integers(0, 2**32)
)
def test_however_it_is_written_and_read_frames_are_whole_and_in_order(sizes: list[list[int]], seed: int) -> None:
    wire, line, theirs = pair()
    draw = random.Random(seed)
    data: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(OSError):
            while piece := theirs.recv(draw.choice((1, 100, 70_000))):
                data.append(piece)

    def pong() -> None:
        for _ in range(5):
            line.send(control("PONG"))

    reader, ponger = threading.Thread(target=read), threading.Thread(target=pong)
    with wire, theirs:
        reader.start()
        ponger.start()
        wanted: list[str] = []
        for some in (batch(*one) for one in sizes):
            for one in some.parcels[line.offer(some) :]:
                line.deliver(one.frame)
            line.deliver(b"")
            wanted += texts(some)
        ponger.join(WAIT_SECONDS)
        line.shutdown()
        reader.join(WAIT_SECONDS)

    got = payloads(b"".join(data))
    assert [one for one in got if one != "PONG"] == wanted
    assert got.count("PONG") == 5

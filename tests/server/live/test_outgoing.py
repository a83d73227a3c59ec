"""A client's queue: newest of each thing, bounded in number and bytes, and an end with its reason."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import tracemalloc
from typing import Self

import pytest
from engineio import packet
from engineio.payload import Payload
from hypothesis import given
from hypothesis import strategies as st
from listening.heard import WAIT_SECONDS, until
from wsproto.frame_protocol import FrameProtocol

from whenthen_server.live.line import Line
from whenthen_server.live.outgoing import Outgoing
from whenthen_server.live.packets import Batch, event, frame_of, parcel


def drained(outgoing: Outgoing) -> list[str | None]:
    found: list[str | None] = []
    while True:
        try:
            one = outgoing.get(timeout=0)
        except queue.Empty:
            return found
        found.append(None if one is None else one.encode())


def test_of_one_thing_only_the_newest_waits_and_in_its_place_in_time() -> None:
    outgoing = Outgoing()
    for number, name in enumerate(["a", "b", "a"]):
        outgoing.put(event("e", [name, number]), key=name, order=number)

    assert drained(outgoing) == ['42["e",["b",1]]', '42["e",["a",2]]']


def test_what_is_older_replaces_nothing() -> None:
    outgoing = Outgoing()
    outgoing.put(event("e", "newer"), key="a", order=2)
    outgoing.put(event("e", "late"), key="a", order=1)

    assert drained(outgoing) == ['42["e","newer"]', '42["e","late"]']


@pytest.mark.parametrize("packets", [[event("e", "x")] * 257, [event("e", "x" * 9_999)] * 101])
def test_a_client_that_falls_behind_is_cut_off_with_the_reason(packets: list[packet.Packet]) -> None:
    outgoing = Outgoing()
    for one in packets:
        outgoing.put(one)
    outgoing.put(event("e", "afterwards"))

    assert outgoing.cut_for == "too_slow"
    assert drained(outgoing) == ['42["cut",{"reason":"too_slow"}]', "41", "1", None]


def test_who_reads_is_given_a_moment_and_who_does_not_only_one() -> None:
    reads, stalls = Outgoing(), Outgoing()
    reader = threading.Thread(target=lambda: [reads.get(timeout=20) for _ in range(1_000)])
    reader.start()
    for _ in range(1_000):
        for outgoing in (reads, stalls):
            outgoing.await_room(0.5 if outgoing is reads else 0.001)
            outgoing.put(event("e", "x"))
    reader.join()

    assert (reads.cut_for, stalls.cut_for) == (None, "too_slow")


def test_the_first_reason_stands() -> None:
    outgoing = Outgoing()
    outgoing.cut("signed_out")
    outgoing.cut("server_stopping")

    assert outgoing.cut_for == "signed_out"


@pytest.mark.parametrize(("size", "most"), [(9_999, 4), (1, Payload.max_decode_packets)])
def test_engine_io_takes_no_more_at_once_than_a_little(size: int, most: int) -> None:
    outgoing = Outgoing()
    for _ in range(50):
        outgoing.put(event("e", "x" * size))
    outgoing.get()
    taken = 1
    with contextlib.suppress(queue.Empty):
        while taken < 50:
            outgoing.get(block=False)
            taken += 1

    # Without that guard it takes all 50, and as many again may gather behind them; and its client refuses so many.
    assert taken <= most
    assert len(outgoing) == 50 - taken


# Past the queue


class Reading:
    """What Engine.IO has for a client with a WebSocket: a thread that takes packets out, and writes them."""

    def __init__(self, outgoing: Outgoing) -> None:
        self.outgoing = outgoing
        self.ours, self.theirs = socket.socketpair()
        self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        self.theirs.settimeout(WAIT_SECONDS)
        self.line = Line(self.ours, lambda: True)
        self.is_upgraded = True
        outgoing.attach(self.line, lambda: self.is_upgraded)
        self.thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.line.shutdown()
        self.outgoing.put(None)
        if self.thread.ident is not None:
            self.thread.join(WAIT_SECONDS)
        self.ours.close()
        self.theirs.close()

    def start(self) -> None:
        """Begin to take; return once it waits."""
        self.thread.start()
        until(lambda: self.outgoing._idle)

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while (one := self.outgoing.get()) is not None:
                self.line.deliver(frame_of(one.encode()))

    def texts(self, count: int) -> list[str]:
        protocol = FrameProtocol(client=True, extensions=[])
        found = [""]
        while len(found) <= count:
            protocol.receive_bytes(self.theirs.recv(65_536))
            for frame in protocol.received_frames():
                found[-1] += str(frame.payload)
                found += [""] if frame.message_finished else []
        return found[:-1]


def test_what_nothing_waits_before_is_written_past_the_queue() -> None:
    with Reading(Outgoing()) as client:
        client.start()
        some = Batch([parcel("e", number) for number in range(3)])

        assert client.outgoing.send(some) == 3
        assert (len(client.outgoing), client.outgoing._idle) == (0, True)
        assert client.texts(3) == ['42["e",0]', '42["e",1]', '42["e",2]']


def test_nothing_is_written_past_what_waits_or_was_taken_and_not_yet_written() -> None:
    one = Batch([parcel("e", 1)])
    with Reading(Outgoing()) as client:
        assert client.outgoing.send(one) == 0  # nobody has come for the queue yet

        client.outgoing.put(event("e", 0))
        taken = client.outgoing.get()

        assert client.outgoing.send(one) == 0  # and now somebody has, and holds it still
        client.line.deliver(frame_of(taken.encode()))
        client.start()
        assert client.outgoing.send(one) == 1
        assert client.texts(2) == ['42["e",0]', '42["e",1]']


def test_nothing_is_written_to_a_websocket_that_is_only_tried_out() -> None:
    with Reading(Outgoing()) as client:
        client.is_upgraded = False
        client.start()

        assert client.outgoing.send(Batch([parcel("e", 1)])) == 0


def test_what_was_begun_is_finished_and_then_comes_what_waits() -> None:
    with Reading(Outgoing()) as client:
        client.start()
        large = Batch([parcel("e", "x" * 3_000_000)])

        assert client.outgoing.send(large) == 1
        assert client.outgoing.send(large) == 0
        client.outgoing.put(event("e", "then"))
        assert client.texts(2) == [large.parcels[0].packet.encode(), '42["e","then"]']
        until(lambda: client.outgoing._idle)
        assert client.outgoing.send(Batch([parcel("e", 1)])) == 1


def test_who_is_cut_off_amid_a_message_gets_its_rest_and_the_reason() -> None:
    with Reading(Outgoing()) as client:
        client.start()
        large = Batch([parcel("e", "x" * 3_000_000)])
        client.outgoing.send(large)
        for number in range(300):
            client.outgoing.put(event("e", number))

        assert client.outgoing.cut_for == "too_slow"
        assert client.outgoing.send(large) == 0
        assert client.texts(4) == [large.parcels[0].packet.encode(), '42["cut",{"reason":"too_slow"}]', "41", "1"]


@given(st.lists(st.lists(st.integers(0, 40_000), min_size=1, max_size=5), min_size=1, max_size=20))
def test_by_both_ways_all_arrives_in_order(batches: list[list[int]]) -> None:
    outgoing = Outgoing(most=1_000, most_bytes=10_000_000)
    with Reading(outgoing) as client:
        client.start()
        wanted: list[str] = []
        for sizes in batches:
            batch = Batch([parcel("e", [len(wanted), number, "x" * size]) for number, size in enumerate(sizes)])
            for one in batch.parcels[outgoing.send(batch) :]:
                outgoing.put(one.packet)
            wanted += [one.packet.encode() for one in batch.parcels]

        assert client.texts(len(wanted)) == wanted


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 2_000)), max_size=400))
def test_no_sequence_goes_beyond_the_bounds(steps: list[tuple[int, int, int]]) -> None:
    outgoing = Outgoing(most=20, most_bytes=5_000)
    for key, order, size in steps:
        if key == 5:
            drained(outgoing)
        outgoing.put(event("e", "x" * size), key=key or None, order=order)

        assert len(outgoing) <= 20
        assert outgoing.size <= 5_000
        assert outgoing.size == sum(len(entry.packet.encode()) for entry in outgoing._entries.values() if entry.packet)


def test_messages_without_end_to_who_never_reads_cost_nothing() -> None:
    outgoing = Outgoing()
    one = event("e", "x" * 1_000)
    tracemalloc.start()
    for number in range(100_000):
        outgoing.put(one, key=number)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1_000_000

"""A client's queue: newest of each thing, bounded in number and bytes, and an end with its reason."""

from __future__ import annotations

import contextlib
import queue
import threading
import tracemalloc

import pytest
from engineio import packet
from engineio.payload import Payload
from hypothesis import given
from hypothesis import strategies as st

from whenthen_server.live.outgoing import Outgoing
from whenthen_server.live.packets import event


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

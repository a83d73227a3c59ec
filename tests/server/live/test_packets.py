"""What is made once for all: the text as Engine.IO would have it, and the frame as any WebSocket reads it."""

from __future__ import annotations

import pytest
from wsproto.frame_protocol import FrameProtocol

from whenthen_server.live.packets import Batch, Nothing, event, frame_of, parcel


def read(data: bytes) -> list[object]:
    protocol = FrameProtocol(client=True, extensions=[])
    protocol.receive_bytes(data)
    return [frame.payload for frame in protocol.received_frames()]


@pytest.mark.parametrize("size", [0, 1, 109, 110, 111, 65_519, 65_520, 65_521, 100_000])
def test_a_parcel_has_the_text_that_a_packet_has_and_its_frame(size: int) -> None:
    text = event("e", "x" * size).encode()
    one = parcel("e", "x" * size)

    assert one.packet.encode() == text
    assert frame_of(one.packet.encode()) is one.frame
    assert "".join(str(part) for part in read(one.frame)) == text
    assert one.frame == frame_of(text)


def test_what_is_no_event_of_ours_is_framed_as_well() -> None:
    assert read(frame_of("2")) == ["2"]
    assert read(frame_of("ü")) == ["ü"]
    assert read(frame_of(b"\x00")) == [b"\x00"]
    assert frame_of(Nothing().encode()) == b""


def test_a_batch_is_its_parcels_one_after_the_other() -> None:
    parcels = [parcel("e", number) for number in range(3)]
    batch = Batch(parcels)

    assert batch.data == b"".join(one.frame for one in parcels)
    assert [len(batch.data[:end]) for end in batch.ends] == batch.ends
    assert read(batch.data) == [one.packet.encode() for one in parcels]
    assert Batch(parcels[:1]).data is parcels[0].frame

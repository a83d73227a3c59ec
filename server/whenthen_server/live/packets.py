"""Events as clients get them: text and WebSocket frame are made once, and shared by all who get the event.

A server's frames are not masked, and ours are not compressed, so the bytes are the same for every client.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from engineio import packet as engine_packet
from socketio import packet as socket_packet
from wsproto.frame_protocol import FrameProtocol


class Framed(str):
    """The text of a message that has its WebSocket frame with it."""

    __slots__ = ("frame",)

    frame: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """One event on its way to many; of those of one *key* that wait for a client, the latest in *order* is enough."""

    packet: Any
    frame: bytes
    key: Hashable | None = None
    order: int = 0


class Batch:
    """Events that go to a client one after the other, in one piece: *data*, where the frames end at *ends*."""

    __slots__ = ("data", "ends", "parcels")

    def __init__(self, parcels: Sequence[Parcel]) -> None:
        self.parcels = parcels
        self.data = parcels[0].frame if len(parcels) == 1 else b"".join(one.frame for one in parcels)
        self.ends = list(accumulate(len(one.frame) for one in parcels))


def parcel(name: str, payload: Any, key: Hashable | None = None, order: int = 0) -> Parcel:
    """Return an event with its frame made."""
    packet = event(name, payload)
    text = Framed(packet.encode())
    text.frame = frame_of(packet.encode())
    packet.encode_cache = text
    return Parcel(packet, text.frame, key, order)


def event(name: str, payload: Any) -> Any:
    """Return an event as a packet of Engine.IO."""
    text = socket_packet.Packet(socket_packet.EVENT, data=[name, payload], namespace="/").encode()
    return engine_packet.Packet(engine_packet.MESSAGE, data=text)


def leave() -> Any:
    """Return the packet that ends a Socket.IO connection."""
    text = socket_packet.Packet(socket_packet.DISCONNECT, namespace="/").encode()
    return engine_packet.Packet(engine_packet.MESSAGE, data=text)


class Nothing(engine_packet.Packet):  # type: ignore[misc] # ships no types
    """A packet that is no bytes at all; to send it is to finish what was begun."""

    def encode(self, b64: bool = False) -> Framed:  # noqa: ARG002 - as Engine.IO calls it
        """Return an empty text whose frame is empty, too."""
        text = Framed()
        text.frame = b""
        return text


def frame_of(message: str | bytes) -> bytes:
    r"""Return a message as a WebSocket frame.

    >>> frame_of("2")
    b'\x81\x012'
    """
    if isinstance(message, Framed):
        return message.frame
    return bytes(FrameProtocol(client=False, extensions=[]).send_data(message))

"""Many Socket.IO clients in one process, without a library: ``python socket_clients.py PORT TOKEN CLIENTS MESSAGES``.

It prints ``ready`` once all have subscribed, then, when every client has its messages or nothing comes any more, what
they got as JSON: how many messages each, how many came out of order, and how long each took (milliseconds).
"""

from __future__ import annotations

import base64
import json
import os
import re
import selectors
import socket
import struct
import sys
import time

PATIENCE_SECONDS = 5.0

_NUMBERS = re.compile(rb'"data":\{"n":([0-9.]+),"sent":([0-9.e+]+)\}')


class Listener:
    """One connection that wants to hear everything."""

    def __init__(self, port: int, token: str) -> None:
        self.heard = 0
        self.misplaced = 0
        self.took_ms: list[float] = []
        self.is_ready = False
        self.ended = False
        self._last = -1.0
        self._bytes = b""
        self.socket = socket.create_connection(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._bytes:
            self._bytes += self.socket.recv(65_536)
        head, _, self._bytes = self._bytes.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        self._say("40" + json.dumps({"token": token}))

    def read(self) -> None:
        """Take in what has come."""
        data = self.socket.recv(262_144)
        self.ended = self.ended or not data
        now_us = time.monotonic_ns() // 1000
        self._bytes += data
        for message in self._frames():
            if message == b"2":
                self._say("3")
            elif message.startswith(b'42["sensor_data_update"'):
                self._take(message, now_us)
            elif message.startswith(b"40"):
                self._say('421["subscribe",{}]')
            elif message.startswith(b"431["):
                self.is_ready = True
            elif message.startswith((b'42["cut"', b"44", b"41")):
                print(message.decode(), file=sys.stderr)
                self.ended = True

    def _take(self, message: bytes, now_us: int) -> None:
        found = _NUMBERS.search(message)
        assert found is not None, message
        number = float(found[1])
        self.misplaced += number != self._last + 1
        self._last = number
        self.heard += 1
        self.took_ms.append((now_us - float(found[2])) / 1000)

    def _frames(self) -> list[bytes]:
        """Return the whole messages that have come; none of the server's is in parts or masked."""
        found, at, data = [], 0, self._bytes
        while len(data) - at >= 2:
            size, body = data[at + 1], at + 2
            if size == 126 and len(data) - at >= 4:
                size, body = struct.unpack_from(">H", data, at + 2)[0], at + 4
            if size == 127 or len(data) < body + size or (size == 126 and body == at + 2):
                break
            if data[at] & 15 == 1:
                found.append(data[body : body + size])
            at = body + size
        self._bytes = data[at:]
        return found

    def _say(self, text: str) -> None:
        mask, data = os.urandom(4), text.encode()
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        size = bytes([128 | len(data)]) if len(data) < 126 else struct.pack(">BH", 254, len(data))
        self.socket.sendall(b"\x81" + size + mask + masked)


def main(port: int, token: str, clients: int, messages: int) -> None:
    chooser = selectors.DefaultSelector()
    listeners = [Listener(port, token) for _ in range(clients)]
    for one in listeners:
        chooser.register(one.socket, selectors.EVENT_READ, one)
    told = False
    while not all(one.ended or one.heard >= messages for one in listeners):
        found = chooser.select(PATIENCE_SECONDS if told else None)
        if not found:
            break
        for key, _ in found:
            key.data.read()
            if key.data.ended:
                chooser.unregister(key.fileobj)
        if not told and all(one.is_ready for one in listeners):
            told = True
            print("ready", flush=True)
    print(
        json.dumps(
            {
                "heard": [one.heard for one in listeners],
                "misplaced": sum(one.misplaced for one in listeners),
                "took_ms": [took for one in listeners for took in one.took_ms],
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))

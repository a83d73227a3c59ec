"""Bare Flask routes under our own server. Arguments are settings, NAME=VALUE; ``ROWS`` names the file for rows.

``/data`` parses JSON and answers. ``/rows/DEVICE`` does what somebody would write who wants just that: it keeps a list
of readings as rows in SQLite that syncs as strictly as we do, with one commit for all requests that wait.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from concurrent.futures import Future
from datetime import datetime
from queue import SimpleQueue
from threading import Thread

from flask import Flask, Response, jsonify, request

from whenthen_server.serve import serve
from whenthen_server.served import Served
from whenthen_server.settings import load_settings

Row = tuple[int, int, int, float]

_TABLE = "samples (series INT, at INT, received INT, number REAL, PRIMARY KEY (series, at)) WITHOUT ROWID"
_PREPARED = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", f"CREATE TABLE IF NOT EXISTS {_TABLE}")


class Rows:
    """Keeps rows; whoever brings some waits for the commit that has them."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._waiting: SimpleQueue[tuple[list[Row], Future[None]]] = SimpleQueue()
        Thread(target=self._write, daemon=True).start()

    def keep(self, rows: list[Row]) -> None:
        """Return once the rows are on the disk."""
        done: Future[None] = Future()
        self._waiting.put((rows, done))
        done.result()

    def _write(self) -> None:
        connection = sqlite3.connect(self._file, isolation_level=None)
        for statement in _PREPARED:
            connection.execute(statement)
        while True:
            taken = [self._waiting.get()]
            while not self._waiting.empty():
                taken.append(self._waiting.get())
            connection.execute("BEGIN IMMEDIATE")
            rows = [row for rows, _ in taken for row in rows]
            connection.executemany("INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?)", rows)
            connection.execute("COMMIT")
            for _, done in taken:
                done.set_result(None)


def load(file: str) -> Served:
    app = Flask("bare")
    rows = Rows(file)
    series: dict[tuple[str, str], int] = {}

    @app.post("/data")
    def data() -> Response:
        return jsonify(stored=len(request.get_json()))

    @app.post("/rows/<device>")
    def kept(device: str) -> Response:
        received_us = time.time_ns() // 1_000
        found = []
        for one in request.get_json():
            at_us = round(datetime.fromisoformat(one["timestamp"]).timestamp() * 1_000_000)
            for sensor, value in one["data"].items():
                found.append((series.setdefault((device, sensor), len(series)), at_us, received_us, float(value)))
        rows.keep(found)
        return jsonify(stored=len(found))

    return Served(app, lambda url: print(f"bare is at {url}/", flush=True), lambda: None, lambda _: None)


if __name__ == "__main__":
    given = dict(argument.split("=", 1) for argument in sys.argv[1:])
    kept_in = given.pop("ROWS")
    serve(load_settings(None, given), lambda: load(kept_in))

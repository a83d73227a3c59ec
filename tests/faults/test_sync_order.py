"""The disk has it before the sender hears of it: seen in the system calls themselves, since kills cannot show it."""

from __future__ import annotations

import http.client
import re
import shutil
from pathlib import Path

import pytest
from killed.harness import Place, Sender, Server

POSTS = 200
_REQUEST = re.compile(r'(recvfrom|read|recvmsg)(\(.*| resumed>)"POST /api/devices/d/data')
_ANSWER = re.compile(r'(sendto|write|sendmsg)\(.*"HTTP/1.1 200')
_SYNC = re.compile(r"(fdatasync|fsync)\(\d+<[^>]*whenthen\.db-wal>")
_RESUMED = re.compile(r"<\.\.\. (fdatasync|fsync) resumed>")


def test_no_answer_is_sent_before_its_sync(tmp_path: Path) -> None:
    # Seen to fail with "synchronous = NORMAL" in store/database.py (no sync in between), and with tickets answered
    # before the commit in the writer (the answer comes first).
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is missing: apt-get install strace")
    trace = tmp_path / "trace.txt"
    calls = "trace=fdatasync,fsync,sendto,sendmsg,write,recvfrom,recvmsg,read"
    server = Server(Place(tmp_path), wrapper=(strace, "-f", "-y", "-s", "32", "-o", str(trace), "-e", calls))
    server.furnish(["d"])
    sender = Sender("d", server, tmp_path / "ledger.txt", per_post=1)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    for _ in range(POSTS):
        assert sender.post(connection)
    connection.close()
    server.kill_all()

    assert order_of(trace.read_text(encoding="utf-8", errors="replace")) == (POSTS, POSTS, 0)


def order_of(trace: str) -> tuple[int, int, int]:
    """Return how many requests came, how many were answered, and how many of those without a sync since they came."""
    requests, answers, early, synced = 0, 0, 0, False
    for line in trace.splitlines():
        if _REQUEST.search(line):
            requests += 1
            synced = False
        elif (_SYNC.search(line) and "unfinished" not in line) or _RESUMED.search(line):
            synced = True
        elif _ANSWER.search(line):
            answers += 1
            early += not synced
    return requests, answers, early

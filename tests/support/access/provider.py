"""An identity provider for tests: real keys, a real HTTP server for its JWKS document, tokens of any shape."""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

RS256 = RSAAlgorithm(RSAAlgorithm.SHA256)
RS512 = RSAAlgorithm(RSAAlgorithm.SHA512)


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def new_rsa(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def jwk(key: rsa.RSAPrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    public: dict[str, Any] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**public, "kid": kid, "use": "sig", "alg": "RS256", **more}


def sign(key: rsa.RSAPrivateKey, header: str | Mapping[str, Any], claims: Any, algorithm: RSAAlgorithm = RS256) -> str:
    """Return a token. A header or claims given as text are put in as they are."""
    parts = [part if isinstance(part, str) else json.dumps(part) for part in (header, claims)]
    signed = ".".join(b64(part.encode("utf-8", "surrogatepass")) for part in parts)
    return f"{signed}.{b64(algorithm.sign(signed.encode(), key))}"


@dataclass
class KeyServer:
    """Answers with *document*, counts how often it was asked, and misbehaves when told to."""

    url: str = ""
    document: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    go_on: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Event = field(default_factory=threading.Event)
    hang: bool = False


@contextmanager
def key_server(document: Any) -> Generator[KeyServer]:
    state = KeyServer(document=document)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked += 1
            if state.hang:
                state.waiting.set()
                state.go_on.wait(10)
            body = state.document if isinstance(state.document, bytes) else json.dumps(state.document).encode()
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                return  # the client had enough: that is what some tests are about

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        state.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()

"""A bare Flask route under our own server: it parses JSON and answers. Arguments are settings, NAME=VALUE."""

from __future__ import annotations

import sys

from flask import Flask, Response, jsonify, request

from whenthen_server.serve import serve
from whenthen_server.served import Served
from whenthen_server.settings import load_settings


def load() -> Served:
    app = Flask("bare")

    @app.post("/data")
    def data() -> Response:
        return jsonify(stored=len(request.get_json()))

    return Served(app, lambda url: print(f"bare is at {url}/", flush=True), lambda: None, lambda _: None)


if __name__ == "__main__":
    serve(load_settings(None, dict(argument.split("=", 1) for argument in sys.argv[1:])), load)

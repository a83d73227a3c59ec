"""The API described: the OpenAPI document, and Swagger UI from the installed package, with no request elsewhere."""

from __future__ import annotations

from importlib.resources import files

from whenthen_server.api.etag import etag_of
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.problems import NotFound

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>whenthen: API</title>
<link rel="stylesheet" href="swagger-ui.css">
<link rel="icon" type="image/png" href="favicon-32x32.png">
</head>
<body>
<div id="api"></div>
<script src="swagger-ui-bundle.js"></script>
<script src="start.js"></script>
</body>
</html>
"""
# ``validatorUrl: null``, or the page would show the document to a service on the internet.
_START = """"use strict";
window.ui = SwaggerUIBundle({
  url: "../apispec.json",
  dom_id: "#api",
  deepLinking: true,
  validatorUrl: null,
  queryConfigEnabled: false,
  presets: [SwaggerUIBundle.presets.apis],
});
"""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_OURS = {"": (_PAGE, "text/html; charset=utf-8"), "start.js": (_START, "text/javascript; charset=utf-8")}
_THEIRS = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon-32x32.png": "image/png",
}


def routes(document: bytes) -> list[Route]:
    """Return ``/apispec.json`` and ``/docs/``; *document* is the OpenAPI document as JSON."""
    return [_spec(document), _page(document), _asset(document)]


@route("GET", "/apispec.json", resource="docs", verb="read", summary="This description", documented=False)
def _spec(document: bytes, _request: Request) -> Answer:
    return Answer(document, headers={"Content-Type": "application/json", "ETag": etag_of(document.decode())})


@route("GET", "/docs/", resource="docs", verb="read", summary="This description, for people", documented=False)
def _page(_document: bytes, _request: Request) -> Answer:
    return _file("")


@route("GET", "/docs/<name>", resource="docs", verb="read", summary="A file of the page", documented=False)
def _asset(_document: bytes, request: Request) -> Answer:
    return _file(request.path["name"])


def _file(name: str) -> Answer:
    """Return one of the few files that the page needs; a name is looked up, never joined to a path."""
    if name in _OURS:
        text, kind = _OURS[name]
        return Answer(text, headers={"Content-Type": kind, "Content-Security-Policy": _POLICY})
    if name not in _THEIRS:
        raise NotFound("There is no such page.")
    content = files("flask_swagger_ui").joinpath("dist", name).read_bytes()
    headers = {
        "Content-Type": _THEIRS[name],
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "private, max-age=3600",
    }
    return Answer(content, headers=headers)

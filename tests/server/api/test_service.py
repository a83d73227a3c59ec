"""The server about itself, its rules' schema, and its description."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator
from standin.parts import StandIn

from whenthen_server.api.parts import PartState


def got(client: FlaskClient, path: str) -> Any:
    response = client.get(path)

    assert response.status_code == 200, response.data
    return json.loads(response.data)


def test_health_names_each_part_and_the_worst(anybody: FlaskClient, owner: FlaskClient, parts: StandIn) -> None:
    parts.states = {"database": PartState("ok"), "writer": PartState("degraded", "intake 90 % full")}

    assert got(anybody, "/health") == {
        "status": "degraded",
        "parts": {"database": {"status": "ok"}, "writer": {"status": "degraded"}},
    }
    assert got(owner, "/health")["parts"]["writer"]["detail"] == "intake 90 % full"


def test_a_part_that_is_down_makes_the_answer_503(anybody: FlaskClient, parts: StandIn) -> None:
    parts.states = {"database": PartState("down", "postgresql://user:hunter2@host refused"), "writer": PartState("ok")}
    response = anybody.get("/health")

    assert response.status_code == 503
    assert b"hunter2" not in response.data


def test_metrics_are_prometheus_text(owner: FlaskClient, parts: StandIn) -> None:
    parts.metrics.watch_queue("intake", lambda: 7)
    parts.metrics.drops.labels("intake", "full").inc(3)
    response = owner.get("/metrics")

    assert response.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert 'whenthen_queue_depth{queue="intake"} 7.0' in response.text
    assert 'whenthen_drops_total{queue="intake",reason="full"} 3.0' in response.text


def test_me_tells_roles_and_rooms(app: Flask, owner: FlaskClient) -> None:
    assert got(owner, "/api/me") == {
        "kind": "person",
        "id": "person-1",
        "name": "Person",
        "roles": {"*": "owner"},
        "rooms": {"room-1": {"farm": "farm-1", "role": "owner"}},
    }
    device = app.test_client().get("/api/me", headers={"Authorization": "Bearer device"})
    assert device.json is not None
    assert device.json["device_id"] == "dev-1"


def test_the_schema_of_rules_has_every_type_and_a_tag(owner: FlaskClient) -> None:
    schema = got(owner, "/api/automation/schema")
    etag = owner.get("/api/automation/schema").headers["ETag"]

    assert "duration" in schema["$defs"]["condition"]["properties"]["type"]["enum"]
    assert owner.get("/api/automation/schema", headers={"If-None-Match": etag}).status_code == 304


def test_plugins_are_listed_with_what_they_registered(owner: FlaskClient) -> None:
    builtin = got(owner, "/api/automation/plugins")["plugins"][0]

    assert (builtin["name"], builtin["status"]) == ("builtin", "loaded")
    assert "webhook" in builtin["registered"]["action"]


def test_the_description_is_openapi_3_1_and_lists_every_route(app: Flask, owner: FlaskClient) -> None:
    document = got(owner, "/apispec.json")

    OpenAPIV31SpecValidator(document).validate()
    listed = {
        (path.replace("{", "<").replace("}", ">"), method.upper())
        for path, operations in document["paths"].items()
        for method in operations
    }
    served = {
        (rule.rule, method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith(("/docs", "/apispec"))
    }
    assert listed == served
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


def test_swagger_ui_comes_from_the_package_and_asks_nobody_else(owner: FlaskClient) -> None:
    page = owner.get("/docs/").text
    start = owner.get("/docs/start.js").text

    assert "http" not in page
    assert "<script>" not in page
    assert "style=" not in page
    assert "validatorUrl: null" in start
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"):
        assert f'"{name}"' in page
        assert len(owner.get(f"/docs/{name}").data) > 500


@pytest.mark.parametrize("name", ["index.html", "..%2f..%2fsetup.py", "oauth2-redirect.html", "....//x", "%2e%2e"])
def test_no_other_file_of_the_package_is_served(owner: FlaskClient, name: str) -> None:
    assert owner.get(f"/docs/{name}").status_code == 404

"""The whole server: who is let in, and whether it is what its description says."""

from __future__ import annotations

import json
import re

from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator
from places.house import ClientOf, failed, made

from whenthen_server.api.resources import all_routes
from whenthen_server.wiring import House

OPEN = {"GET /health", "GET /login"}


def test_the_owner_is_known_and_a_stranger_is_not(owner: FlaskClient, client: ClientOf) -> None:
    assert made(owner.get("/api/me"), 200)["roles"] == {"*": "owner"}
    failed(client(None).get("/api/me"), 401, "unauthorized")


def test_every_part_of_a_started_server_is_well(house: House, owner: FlaskClient) -> None:
    health = made(owner.get("/health"), 200)

    assert health["parts"].keys() == house.health().keys()
    assert health["status"] == "ok"


def test_every_route_without_good_credentials_is_401_whatever_else_is_wrong(house: House, client: ClientOf) -> None:
    routes = [route for route in all_routes(house) if route.name not in OPEN]
    wrong_keys = [None, "wt_api_0123456789abcdef_" + "A" * 43]

    assert len(routes) > 50
    for key in wrong_keys:
        asked = client(key)
        for route in routes:
            path = re.sub(r"<\w+>", "default", route.path)
            answer = asked.open(f"{path}?nonsense=1", method=route.method, data=b"{", content_type="application/json")
            assert answer.status_code in (401, 429 if key else 401), (route.name, answer.text)


def test_the_description_of_the_whole_server_is_valid_and_every_reference_leads_somewhere(owner: FlaskClient) -> None:
    text = owner.get("/apispec.json").text
    document = json.loads(text)
    wanted = {part.partition('"')[0] for part in text.split('"$ref":"#/')[1:]}

    OpenAPIV31SpecValidator(document).validate()
    assert wanted
    for pointer in wanted:
        found = document
        for step in pointer.split("/"):
            found = found[int(step) if isinstance(found, list) else step.replace("~1", "/")]
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))

"""Every route of rules over the whole server, asked with what its description allows and forbids: never a 500."""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from posted.rules import SMALL, about_rules, body_of, rule, saved
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = int(os.environ.get("WHENTHEN_FUZZ_EXAMPLES", "10"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.usefixtures("farm")
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
def test_whatever_is_sent_is_answered_as_described(house_app: Flask, owner: FlaskClient, mode: GenerationMode) -> None:
    saved(owner, rule(id="fan"))
    headers = {"Authorization": owner.environ_base["HTTP_AUTHORIZATION"]}
    document = body_of(owner.get("/apispec.json"))
    document["components"]["schemas"]["Rule"] = SMALL
    schema = schemathesis.openapi.from_dict(document)
    schema.app, schema.location = house_app, "/apispec.json"
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    asked = [ask(operation, mode, headers) for operation in operations if _is_ours(operation, mode)]

    assert len(asked) >= 20
    assert min(asked) > 0


def ask(operation: Any, mode: GenerationMode, headers: dict[str, str]) -> int:
    """Send requests to one route, about a rule that is there, and return how many."""
    asked = 0

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        nonlocal asked
        if asked % 2 and "rule_id" in (case.path_parameters or {}):
            case.path_parameters["rule_id"] = "fan"
        case.call_and_validate(headers=headers, checks=CHECKS)
        asked += 1

    send()
    return asked


def _is_ours(operation: Any, mode: GenerationMode) -> bool:
    can_be_wrong = operation.query or operation.path_parameters or operation.body
    return about_rules(operation.path) and bool(mode is GenerationMode.POSITIVE or can_be_wrong)

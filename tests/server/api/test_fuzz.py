"""Every documented route, asked with what its description allows and with what it forbids: never a 500.

The description is the application's own, so a new route is fuzzed as soon as it is there. ``WHENTHEN_FUZZ_EXAMPLES``
says how many requests of each sort every route gets.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from places.house import stocked
from posted.rules import about_rules
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from whenthen_server.app import create_app

EXAMPLES = int(os.environ.get("WHENTHEN_FUZZ_EXAMPLES", "15"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    ignored_auth,
]


THERE = {"farm_id": "default", "room_id": "default", "device_id": "dev-1", "command_id": "cmd-1"}
"""Things that are there, for paths that would otherwise lead nowhere."""


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Flask, dict[str, str]]]:
    """Return the whole server with something in it, and the owner's header."""
    folder = tmp_path_factory.mktemp("fuzzed") / "data"
    with stocked(folder) as house:
        key = (folder / "owner.key").read_text(encoding="utf-8").strip()
        yield create_app(house), {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
def test_whatever_is_sent_is_answered_as_described(fuzzed: tuple[Flask, dict[str, str]], mode: GenerationMode) -> None:
    app, owner = fuzzed
    schema = schemathesis.openapi.from_wsgi("/apispec.json", app, headers=owner)
    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    operations = [operation for operation in found if not about_rules(operation.path)]
    wanted = [operation for operation in operations if mode is GenerationMode.POSITIVE or _can_be_wrong(operation)]
    answers = [ask(operation, mode, owner) for operation in wanted]

    assert len(found) == sum(len(methods) for methods in schema.raw_schema["paths"].values())
    assert len(operations) >= 40
    assert min(answer.total() for answer in answers) > 0
    good = [answer for answer in answers if any(status < 400 for status in answer)]
    assert mode is GenerationMode.NEGATIVE or len(good) > len(answers) / 2


def ask(operation: Any, mode: GenerationMode, owner: dict[str, str]) -> Counter[int]:
    """Send requests to one route and count the answers by status."""
    answers: Counter[int] = Counter()

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode), there=st.booleans())
    def send(case: Any, there: bool) -> None:
        if there and case.method != "DELETE" and not _path_is_wrong(case):
            case.path_parameters = {
                name: THERE.get(name, value) for name, value in (case.path_parameters or {}).items()
            }
        answers[case.call_and_validate(headers=owner, checks=CHECKS).status_code] += 1

    send()
    return answers


def _path_is_wrong(case: Any) -> bool:
    """Tell whether the path is what makes a request forbidden."""
    found = case.meta.components.get(ParameterLocation.PATH) if case.meta is not None else None
    return found is not None and found.mode is GenerationMode.NEGATIVE


def _can_be_wrong(operation: Any) -> bool:
    """Tell whether there is anything in the request that could be wrong."""
    return bool(operation.query or operation.path_parameters or operation.body)

"""Real endpoints on loopback, and a canary that nothing may ever reach."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from outside.servers import Canary, Endpoint, canary, endpoint


@pytest.fixture
def trap() -> Generator[Canary]:
    with canary() as bird:
        yield bird


@pytest.fixture
def hook() -> Generator[Endpoint]:
    with endpoint() as face:
        yield face

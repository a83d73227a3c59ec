"""An installation with one owner, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
from access.site import Site, install
from sqlalchemy import Engine


@pytest.fixture
def site(database: Engine) -> Site:
    return install(database)

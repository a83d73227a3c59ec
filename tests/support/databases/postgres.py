"""A PostgreSQL database of a test's own: a schema that is dropped at the end."""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

POSTGRES = os.environ.get("WHENTHEN_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
"""A database in which a test may make and drop schemas of its own."""


@contextmanager
def own_postgres() -> Generator[str]:
    """Yield the URL of an empty schema; without a server, skip the test."""
    admin = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    name = f"whenthen_test_{uuid.uuid4().hex}"
    try:
        with admin.connect() as connection:
            connection.execute(text(f"CREATE SCHEMA {name}"))
    except OperationalError as error:
        pytest.skip(f"no PostgreSQL to test on (set WHENTHEN_TEST_POSTGRES): {error}")
    try:
        own = make_url(POSTGRES).update_query_dict({"options": f"-c search_path={name}"})
        yield own.render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
        admin.dispose()

"""The tables are made by migrations: all of them, in one step that a kill cannot halve."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

import whenthen_server.store
from whenthen_server.store import migrations
from whenthen_server.store.database import open_database, reading, writing
from whenthen_server.store.schema import metadata

KILLS = 20
LONG_SECONDS = 60

_UPGRADE = """
import sys
from whenthen_server.store import migrations
migrations.head()
print("ready", flush=True)
sys.stdin.readline()
migrations.upgrade(sys.argv[1])
"""


def every_table() -> None:
    for module in pkgutil.iter_modules(whenthen_server.store.__path__):
        importlib.import_module(f"whenthen_server.store.{module.name}")


def test_the_migrated_schema_is_that_of_the_program(database_url: str, database: Engine) -> None:
    every_table()
    migrations.upgrade(database_url)

    with reading(database) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    assert migrations.current(database_url) == migrations.head()


def test_what_a_comparison_cannot_see_is_the_same_too(tmp_path: Path) -> None:
    # Alembic compares neither primary keys nor "WITHOUT ROWID" nor the condition of an index.
    every_table()
    made, migrated = (open_database(f"sqlite:///{tmp_path / name}.db") for name in ("made", "migrated"))
    metadata.create_all(made)
    migrations.upgrade_engine(migrated)

    def schema(engine: Engine) -> set[str]:
        with reading(engine) as connection:
            found = connection.scalars(text("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"))
            return {" ".join(sorted(sql.replace(",", " ").split())) for sql in found if "alembic" not in sql}

    assert schema(migrated) == schema(made)
    made.dispose()
    migrated.dispose()


def test_a_second_upgrade_changes_nothing_and_no_table_is_no_version(database_url: str, database: Engine) -> None:
    assert migrations.current(database_url) is None
    migrations.upgrade(database_url)
    with writing(database) as connection:
        connection.execute(text("INSERT INTO farms (id, name, created_us) VALUES ('f', 'F', 1)"))
    migrations.upgrade(database_url)

    with reading(database) as connection:
        assert connection.execute(text("SELECT count(*) FROM farms")).scalar_one() == 1


def test_a_newer_database_is_refused_in_a_sentence(database_url: str, database: Engine) -> None:
    migrations.upgrade(database_url)
    with writing(database) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(migrations.MigrationError, match="is of version 9999, which is newer than this program"):
        migrations.upgrade(database_url)


def test_tables_without_a_version_are_refused_in_a_sentence(database_url: str, database: Engine) -> None:
    metadata.create_all(database)

    with pytest.raises(migrations.MigrationError, match="begin with an empty database"):
        migrations.upgrade(database_url)


def test_a_kill_at_any_moment_leaves_no_tables_or_all(tmp_path: Path) -> None:
    # Seen to fail without the one transaction (``writing`` without BEGIN IMMEDIATE): some tables, no version.
    every_table()
    for kill in range(KILLS):
        path = tmp_path / f"{kill}.db"
        killed(path, kill)
        engine = open_database(f"sqlite:///{path}")
        tables = set(inspect(engine).get_table_names())
        assert tables in (set(), {*metadata.tables, "alembic_version"})
        assert migrations.current(f"sqlite:///{path}") == (migrations.head() if tables else None)
        migrations.upgrade_engine(engine)
        engine.dispose()


def first_version(engine: Engine) -> None:
    """Have the tables of the first version, with a farm in them."""
    migrations.upgrade_engine(engine)
    with writing(engine) as connection:
        connection.execute(text("DROP TABLE checkpoints"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        connection.execute(text("INSERT INTO farms (id, name, created_us) VALUES ('f', 'F', 1)"))


def test_an_older_version_is_brought_to_this_one_and_keeps_what_is_in_it(database_url: str, database: Engine) -> None:
    every_table()
    first_version(database)
    migrations.upgrade(database_url)

    with reading(database) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.execute(text("SELECT id FROM farms")).scalar_one() == "f"
    assert migrations.current(database_url) == migrations.head()


def test_a_kill_at_any_moment_leaves_the_older_version_or_this_one(tmp_path: Path) -> None:
    every_table()
    for kill in range(KILLS // 2):
        path = tmp_path / f"{kill}.db"
        engine = open_database(f"sqlite:///{path}")
        first_version(engine)
        engine.dispose()
        killed(path, kill)
        there = "checkpoints" in inspect(engine).get_table_names()
        assert migrations.current(f"sqlite:///{path}") == (migrations.head() if there else "0001")
        migrations.upgrade_engine(engine)
        with reading(engine) as connection:
            assert connection.execute(text("SELECT count(*) FROM farms")).scalar_one() == 1
        engine.dispose()


def killed(path: Path, kill: int) -> None:
    """Bring the tables at *path* up to date in a process that is killed, each time a little later."""
    with subprocess.Popen(
        [sys.executable, "-c", _UPGRADE, f"sqlite:///{path}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.stdin.write(b"\n")
        process.stdin.flush()
        wait_for_growth(path, kill, process)
        process.kill()  # it may just have ended by itself
        process.wait(LONG_SECONDS)


def wait_for_growth(path: Path, kill: int, process: subprocess.Popen[bytes]) -> None:
    """Let the process come a little further at each kill, until it has ended by itself."""
    while not path.exists() and process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.001)
    with suppress(subprocess.TimeoutExpired):
        process.wait(0.004 * kill)

"""The server's commands: ``whenthen serve``, ``demo``, ``login-url``, ``db``, ``backup``; the engine's CLI finds them.

At the top it imports only what needs no extra, so that ``whenthen --help`` is quick and works without one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from whenthen.cli.wanted import plugin_options, plugins_of
from whenthen.errors import WhenthenError

_EXTRAS = {"psycopg": "postgres", "apprise": "notify"}
_OWN = ("whenthen", "whenthen_server", "whenthen_schemas", "whenthen_plugins")

settings_option = click.option(
    "--settings",
    "settings_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="YAML file of settings; environment variables win over it.",
)
data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the database, keys and logs.",
)


def explained(command: Callable[..., None]) -> Callable[..., None]:
    """Tell in one sentence what a user can do something about: a missing extra, wrong settings; exit code 2."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package in _OWN:
                raise
            extra = _EXTRAS.get(package, "server")
            sentence = f"This needs {package}, which is not installed. Install it with: pip install 'whenthen[{extra}]'"
            raise click.UsageError(sentence) from error
        except WhenthenError as error:
            raise click.UsageError(str(error)) from error
        except Exception as error:
            said = _of_database(error)
            if said is None:
                raise
            raise click.UsageError(said) from error

    return run


def _of_database(error: Exception) -> str | None:
    """Return what a database says of itself; ``None`` when the error is of another kind."""
    errors = sys.modules.get("sqlalchemy.exc")  # who raises one has imported it
    if errors is None or not isinstance(error, errors.DatabaseError):
        return None
    return f"the database cannot be used: {str(error.orig).strip()}"


def _settings(file: Path | None, data: Path | None, **server: Any) -> Any:
    """Return the settings; options win over the environment, which wins over the file."""
    from whenthen_server.settings import load_settings  # noqa: PLC0415 - needs the extra

    given = {f"WHENTHEN_SERVER_{name.upper()}": str(value) for name, value in server.items() if value is not None}
    if data is not None:
        given["WHENTHEN_DATA_FOLDER"] = str(data)
    return load_settings(file, {**os.environ, **given})


def _plugins_too(settings: Any) -> Any:
    """Return the settings with the plugins that options chose, before the command's name or after it."""
    chosen, plugins = plugins_of(click.get_current_context()), settings.plugins
    return replace(
        settings,
        plugins=replace(
            plugins,
            disabled=_together(plugins.disabled, chosen.disabled),
            folder=chosen.folder or plugins.folder,
            isolated=_together(plugins.isolated, chosen.isolated),
        ),
    )


def _together(first: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*first, *more]))


def _part(name: str) -> Any:
    """Import a part of the server only when its command runs: it needs the extra."""
    return import_module(f"whenthen_server.{name}")


@click.command()
@click.option("--host", help="Address to listen on; 0.0.0.0 for devices on the network.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="TCP port; 0 takes a free one.  [default: 5005]")
@data_option
@settings_option
@plugin_options
@explained
def serve(host: str | None, port: int | None, data: Path | None, settings_file: Path | None) -> None:
    """Start the server: devices, readings and rules, live and durable.

    Without any option it keeps a database in the folder data, listens on 127.0.0.1:5005 and prints one URL to open.
    """
    settings = _plugins_too(_settings(settings_file, data, host=host, port=port))
    _part("wiring").check(settings)
    from whenthen_server.app import create_app  # noqa: PLC0415 - needs the extra
    from whenthen_server.logs import set_up_logs  # noqa: PLC0415
    from whenthen_server.serve import serve as serve_until_told  # noqa: PLC0415
    from whenthen_server.served import Served  # noqa: PLC0415

    settings.data.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    set_up_logs(settings.logs, settings.log_file)

    def load() -> Served:
        parts = _part("wiring").build(settings)
        return Served(create_app(parts), parts.ready, parts.stopping, parts.close)

    serve_until_told(settings, load)


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="TCP port; 0 takes a free one.  [default: 5005]")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-data"),
    show_default=True,
    help="Folder of the demo's own database, keys and logs.",
)
@settings_option
@click.option("--speed", type=click.FloatRange(0.1, 60), default=1.0, show_default=True, help="Times as fast as life.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same weather and noise.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND:TARGET[:SENSOR]",
    help="Break something from the beginning, such as leak:fruiting; may be repeated.",
)
@plugin_options
@explained
def demo(  # noqa: PLR0913, PLR0917 - one argument an option
    host: str | None,
    port: int | None,
    data: Path,
    settings_file: Path | None,
    speed: float,
    seed: int,
    faults: tuple[str, ...],
) -> None:
    """Start the server with a simulated mushroom farm that lives: sensors react to actuators, rules keep it in range.

    With --speed all that is in it lives faster, rules, keys and sessions included.
    """
    settings = _plugins_too(_settings(settings_file, data, host=host, port=port))
    _part("wiring").check(settings)
    from whenthen_server.demo import Fault  # noqa: PLC0415 - needs the extra
    from whenthen_server.logs import set_up_logs  # noqa: PLC0415
    from whenthen_server.serve import serve as serve_until_told  # noqa: PLC0415
    from whenthen_server.served import Served  # noqa: PLC0415

    broken = [Fault(kind, target, sensor) for kind, target, sensor in map(_parts_of, faults)]
    settings.data.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    set_up_logs(settings.logs, settings.log_file)

    def load() -> Served:
        opened = _part("showcase").open_showcase(settings, speed=speed, seed=seed, faults=broken)
        return Served(opened.app(), opened.house.ready, opened.house.stopping, opened.house.close)

    serve_until_told(settings, load)


def _parts_of(fault: str) -> tuple[str, str, str | None]:
    match fault.split(":"):
        case [kind, target]:
            return kind, target, None
        case [kind, target, sensor]:
            return kind, target, sensor
    raise click.BadParameter(f"{fault!r} is not KIND:TARGET or KIND:TARGET:SENSOR")


@click.command("login-url")
@data_option
@settings_option
@explained
def login_url(data: Path | None, settings_file: Path | None) -> None:
    """Print a new URL that signs the owner in, once."""
    settings = _settings(settings_file, data)
    click.echo(_part("signing_in").login_url(settings))


@click.group()
def db() -> None:
    """Look after the database's tables."""


@db.command()
@data_option
@settings_option
@explained
def upgrade(data: Path | None, settings_file: Path | None) -> None:
    """Bring the tables to this version; ``serve`` does it, too."""
    settings = _settings(settings_file, data)
    migrations = _part("store.migrations")
    migrations.upgrade(settings.database_url)
    click.echo(migrations.current(settings.database_url) or "no tables")


@db.command()
@data_option
@settings_option
@explained
def current(data: Path | None, settings_file: Path | None) -> None:
    """Print the version of the tables; exit code 1 when they are not of this version."""
    settings = _settings(settings_file, data)
    migrations = _part("store.migrations")
    found, wanted = migrations.current(settings.database_url), migrations.head()
    click.echo(f"{found or 'no tables'}{'' if found == wanted else f' (this program needs {wanted})'}")
    sys.exit(0 if found == wanted else 1)


@click.command()
@click.argument("dest", type=click.Path(path_type=Path))
@data_option
@settings_option
@explained
def backup(dest: Path, data: Path | None, settings_file: Path | None) -> None:
    """Copy the database to DEST, while the server runs."""
    settings = _settings(settings_file, data)
    _part("store.backup").backup(settings.database_url, dest)
    click.echo(f"{dest} holds the database as it is now")

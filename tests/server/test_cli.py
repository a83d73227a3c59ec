"""The server's commands, as a user types them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from whenthen.cli import main

SUPPORT = Path(__file__).parents[1] / "support"
LONG_SECONDS = 60

_WITHOUT_A_DATABASE = """
import sys, types
wiring = types.ModuleType("whenthen_server.wiring")
wiring.login_url = lambda settings: f"http://{settings.server.host}:{settings.server.port}/sign-in"
sys.modules["whenthen_server.wiring"] = wiring
from whenthen.cli import main
main()
"""


def command(script: str, *arguments: str, cwd: Path = SUPPORT) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(SUPPORT)!r})\n{script}", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_serve_makes_its_folder_says_its_url_and_stops_at_sigterm(tmp_path: Path) -> None:
    script = "from whenthen.cli import main\nmain()"
    with command(script, "serve", "--port", "0", "--data", "here/data", cwd=tmp_path) as process:
        assert process.stdout is not None
        url = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LONG_SECONDS)

    assert url.startswith("whenthen is at http://127.0.0.1:")
    assert process.returncode == 0
    assert (tmp_path / "here" / "data").stat().st_mode & 0o777 == 0o700


def test_options_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("server: {host: 127.0.0.2, port: 1}", encoding="utf-8")
    with command(_WITHOUT_A_DATABASE, "login-url", "--settings", str(tmp_path / "settings.yaml")) as process:
        said, _ = process.communicate(timeout=LONG_SECONDS)

    assert said == "http://127.0.0.2:1/sign-in\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "--port", "70000"], "server.port: 70000 is not possible; allowed: a whole number from 0 to 65535."),
        (["serve", "--settings", "/nowhere.yaml"], "/nowhere.yaml: cannot be read: No such file or directory"),
        (["db", "current", "--settings", "/nowhere.yaml"], "cannot be read"),
    ],
)
def test_wrong_settings_are_told_in_a_sentence(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, arguments)

    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(("missing", "extra"), [("flask", "server"), ("yaml", "server"), ("sqlalchemy", "server")])
def test_without_its_extra_a_command_says_which_to_install(missing: str, extra: str, tmp_path: Path) -> None:
    script = f"sys.modules[{missing!r}] = None\nfrom whenthen.cli import main\nmain()"
    with command(script, "serve", "--data", str(tmp_path)) as process:
        _, said = process.communicate(timeout=LONG_SECONDS)

    assert process.returncode == 2
    assert f"This needs {missing}, which is not installed. Install it with: pip install 'whenthen[{extra}]'" in said
    assert "Traceback" not in said


def test_help_needs_no_extra_and_imports_no_web_framework() -> None:
    script = (
        "for name in ('flask', 'yaml', 'sqlalchemy', 'gunicorn'): sys.modules[name] = None\n"
        "from whenthen.cli import main\nmain()"
    )
    with command(script, "--help") as process:
        said, _ = process.communicate(timeout=LONG_SECONDS)

    assert process.returncode == 0
    assert "Start the server" in said
    assert "cannot be loaded" not in said

"""The server's commands, as a user types them."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from whenthen.cli import main
from whenthen_server import serve, wiring

SUPPORT = Path(__file__).parents[1] / "support"
LONG_SECONDS = 60

_WITHOUT_A_DATABASE = """
import sys, types
signing_in = types.ModuleType("whenthen_server.signing_in")
signing_in.login_url = lambda settings: f"http://{settings.server.host}:{settings.server.port}/sign-in"
sys.modules["whenthen_server.signing_in"] = signing_in
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
        with command(script, "login-url", "--data", "here/data", cwd=tmp_path) as again:
            another, _ = again.communicate(timeout=LONG_SECONDS)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LONG_SECONDS)

    assert url.startswith("whenthen is at http://127.0.0.1:")
    assert another != url.removeprefix("whenthen is at ")
    assert another.partition("?")[0] == url.removeprefix("whenthen is at ").partition("?")[0]
    assert process.returncode == 0
    assert (tmp_path / "here" / "data").stat().st_mode & 0o777 == 0o700


def test_there_is_no_address_to_sign_in_before_the_first_start(tmp_path: Path) -> None:
    answer = CliRunner().invoke(main, ["login-url", "--data", str(tmp_path)])

    assert answer.exit_code == 2
    assert f"no server has been started with the data folder {tmp_path} yet" in answer.output
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_cannot_be_listened_on_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "_PATIENCE_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = CliRunner().invoke(main, ["serve", "--port", str(port), "--data", str(tmp_path)])
    foreign = CliRunner().invoke(main, ["serve", "--host", "192.0.2.1", "--data", str(tmp_path)])

    assert (taken.exit_code, foreign.exit_code) == (2, 2)
    assert f"127.0.0.1:{port} is in use" in taken.output
    assert "192.0.2.1 is no address of this machine" in foreign.output


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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"OUTBOUND_ALLOW": "?"}, "outbound.allow: '?' is neither a network"),
        ({"OUTBOUND_SECRETS": "alerts=whsec_YWJj"}, "outbound.secrets: the secret 'alerts' has 3 bytes"),
        ({"OUTBOUND_CA_FILE": "/nowhere.pem"}, "outbound.ca_file: [Errno 2] No such file"),
        ({"MAIL_HOST": "smtp.example.com"}, "mail.sender: is missing"),
        ({"MAIL_SENDER": "a@example.com"}, "mail.host: is missing"),
        ({"MAIL_HOST": "smtp.example.com", "MAIL_SENDER": "nobody"}, "mail.sender 'nobody' is no e-mail address"),
        ({"MESSAGES_SMS": "twilio://SID:TOKEN@+15550100"}, "messages.sms[0] does not say where {recipients} belong"),
        ({"DATABASE_URL": "sqlite://x:y:z"}, "database.url: "),
        ({"OPENID_ISSUER": "https://id.example"}, "openid.audiences: is missing"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_told_by_name_before_anything_is_made(
    given: dict[str, str], said: str, tmp_path: Path
) -> None:
    environment = {f"WHENTHEN_{setting}": text for setting, text in given.items()}
    result = CliRunner().invoke(main, ["serve", "--data", str(tmp_path / "data")], env=environment)

    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "data").exists()


def test_a_database_that_cannot_be_opened_is_told_in_a_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["db", "current", "--data", str(tmp_path / "nowhere")])

    assert result.exit_code == 2
    assert "the database cannot be used: unable to open database file" in result.output


def test_plugins_are_chosen_by_options_beside_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def look(settings: Any) -> None:
        seen.append(settings.plugins)
        sys.exit(0)

    monkeypatch.setattr(wiring, "check", look)
    arguments = ["--disable-plugin", "a", "serve", "--disable-plugin", "b", "--plugin-folder", str(tmp_path)]
    environment = {"WHENTHEN_PLUGINS_DISABLED": "c,a", "WHENTHEN_PLUGIN_FOLDER": "/nowhere"}
    for name in ("serve", "demo"):
        arguments[2] = name
        assert CliRunner().invoke(main, [*arguments, "--isolate-plugin", "d"], env=environment).exit_code == 0

    assert [plugins.disabled for plugins in seen] == [("c", "a", "b")] * 2
    assert [(plugins.folder, plugins.isolated) for plugins in seen] == [(tmp_path, ("d",))] * 2


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

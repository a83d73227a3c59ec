"""No setting is undocumented: name, default, bounds and variables stand in docs/server/settings.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from whenthen_server.auth import providers_of
from whenthen_server.settings import load_settings
from whenthen_server.settings.names import Setting, all_settings

PAGE = (Path(__file__).parents[2] / "docs" / "server" / "settings.md").read_text(encoding="utf-8")

SERVER = Path(__file__).parents[2] / "server" / "whenthen_server"
SOURCES = "\n".join(page.read_text(encoding="utf-8") for page in sorted(SERVER.rglob("*.py")))

BLOCKS = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in sorted((Path(__file__).parents[2] / "docs" / "server").glob("*.md"))
    for number, block in enumerate(re.findall(r"(?ms)^```yaml\n(.*?)^```", page.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize("setting", all_settings(), ids=lambda setting: str(setting.name))
def test_every_setting_is_documented_with_its_default_and_variables(setting: Setting) -> None:
    row = next((line for line in PAGE.splitlines() if line.startswith(f"| `{setting.name}`")), "")
    default = setting.schema["default"]
    shown = str(default).lower() if isinstance(default, bool) else default
    shown = "`, `".join(default) if isinstance(default, list) else shown

    assert setting.schema["description"] in row
    assert all(f"`{variable}`" in row for variable in setting.variables)
    assert f"`{shown}`" in row or default in (None, [], {})
    assert str(setting.schema.get("maximum", "")) in row
    assert ("🔑" in row) is setting.secret


@pytest.mark.parametrize("setting", all_settings(), ids=lambda setting: str(setting.name))
def test_a_setting_that_no_module_reads_says_so(setting: Setting) -> None:
    read = re.search(rf"\.{setting.name.rpartition('.')[2]}\b", SOURCES)

    assert read or re.search(r"Read and checked; .* yet", setting.schema["description"])


def test_no_documented_setting_is_made_up() -> None:
    rows = [line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `")]

    assert rows == [setting.name for setting in all_settings()]


@pytest.mark.parametrize("block", BLOCKS)
def test_every_file_of_settings_in_the_documents_is_a_good_one(block: str, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(block, encoding="utf-8")
    settings = load_settings(tmp_path / "settings.yaml", {})

    assert [provider.issuer for provider in providers_of(settings)] or "issuer" not in block

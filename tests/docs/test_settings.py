"""No setting is undocumented: name, default, bounds and variables stand in docs/server/settings.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from whenthen_server.settings.names import Setting, all_settings

PAGE = (Path(__file__).parents[2] / "docs" / "server" / "settings.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("setting", all_settings(), ids=lambda setting: str(setting.name))
def test_every_setting_is_documented_with_its_default_and_variables(setting: Setting) -> None:
    row = next((line for line in PAGE.splitlines() if line.startswith(f"| `{setting.name}`")), "")
    default = setting.schema["default"]
    shown = str(default).lower() if isinstance(default, bool) else default

    assert setting.schema["description"] in row
    assert all(f"`{variable}`" in row for variable in setting.variables)
    assert f"`{shown}`" in row or default in (None, [], {})
    assert str(setting.schema.get("maximum", "")) in row
    assert ("🔑" in row) is setting.secret


def test_no_documented_setting_is_made_up() -> None:
    rows = [line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `")]

    assert rows == [setting.name for setting in all_settings()]

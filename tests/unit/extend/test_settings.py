"""Which plugins are wanted: the environment, and what is said beyond it."""

from __future__ import annotations

from pathlib import Path

from whenthen.extend.settings import PluginSettings


def test_an_empty_environment_wants_everything_installed_and_no_folder() -> None:
    assert PluginSettings.of({}) == PluginSettings((), None, ())
    assert PluginSettings.of({"WHENTHEN_DISABLE_PLUGINS": " , ", "WHENTHEN_PLUGIN_FOLDER": ""}) == PluginSettings()


def test_the_environment_names_plugins_with_commas() -> None:
    environment = {
        "WHENTHEN_DISABLE_PLUGINS": "a, b",
        "WHENTHEN_PLUGIN_FOLDER": "/srv/plugins",
        "WHENTHEN_ISOLATE_PLUGINS": "c",
    }

    assert PluginSettings.of(environment) == PluginSettings(("a", "b"), Path("/srv/plugins"), ("c",))


def test_what_is_said_beyond_it_adds_names_and_replaces_the_folder() -> None:
    settings = PluginSettings(("a",), Path("here"), ("c",))

    assert settings.joined(("b",), Path("there"), ("d",)) == PluginSettings(("a", "b"), Path("there"), ("c", "d"))
    assert settings.joined() == settings


def test_the_settings_load_what_they_want() -> None:
    assert PluginSettings(disabled=("builtin",)).load().conditions == {}

"""The settings: one frozen object, checked by one schema before anything starts."""

from whenthen_server.settings.load import SettingsError, about, load_settings
from whenthen_server.settings.values import Settings

__all__ = ["Settings", "SettingsError", "about", "load_settings"]

"""Which plugins are wanted: read from the environment once, by whoever starts the program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry

DISABLE = "WHENTHEN_DISABLE_PLUGINS"
FOLDER = "WHENTHEN_PLUGIN_FOLDER"
ISOLATE = "WHENTHEN_ISOLATE_PLUGINS"
VARIABLES = (DISABLE, FOLDER, ISOLATE)


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """Plugins to leave out and to isolate, by name, and a folder of single-file plugins (``None``: none).

    >>> PluginSettings.of({"WHENTHEN_DISABLE_PLUGINS": "metrics, greenhouse"}).disabled
    ('metrics', 'greenhouse')
    """

    disabled: tuple[str, ...] = ()
    folder: Path | None = None
    isolated: tuple[str, ...] = ()

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> PluginSettings:
        """Return what the variables ``WHENTHEN_DISABLE_PLUGINS`` (names with commas), … say."""
        folder = environment.get(FOLDER, "").strip()
        return cls(
            _names(environment.get(DISABLE, "")), Path(folder) if folder else None, _names(environment.get(ISOLATE, ""))
        )

    def joined(
        self, disabled: tuple[str, ...] = (), folder: Path | None = None, isolated: tuple[str, ...] = ()
    ) -> PluginSettings:
        """Return these settings and more: names are added, another *folder* takes the place of the first."""
        return replace(
            self,
            disabled=self.disabled + disabled,
            folder=self.folder if folder is None else folder,
            isolated=self.isolated + isolated,
        )

    def load(self) -> Registry:
        """Return the registry of the plugins that are wanted."""
        return load_registry(disabled=self.disabled, folder=self.folder, isolated=self.isolated)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())

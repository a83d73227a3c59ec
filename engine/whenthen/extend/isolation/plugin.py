"""An isolated plugin as the host sees it: an object with the plugin's hooks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from whenthen.errors import PluginError
from whenthen.extend.hookspecs import NAMESPACE, hookimpl
from whenthen.extend.isolation.keeper import Keeper, Strikes
from whenthen.extend.isolation.limits import Limits
from whenthen.extend.isolation.proxies import Keepers, proxy

ISOLATED_KINDS = ("condition", "action", "trigger", "function")


class IsolatedPlugin:
    """The hooks of a plugin that runs elsewhere. ``close`` ends its processes; so does the end of the program."""

    def __init__(self, name: str, keepers: Keepers, strikes: Strikes) -> None:
        self.name = name
        self._keepers = keepers
        self._strikes = strikes

    @property
    def quarantined(self) -> bool:
        """Tell whether the plugin was ended so often that it is asked no more."""
        return self._strikes.out

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the workers that run at present."""
        pids = (self._keepers.judging.pid, self._keepers.acting.pid)
        return tuple(pid for pid in pids if pid is not None)

    def close(self) -> None:
        """End the plugin's processes; a further question starts them anew."""
        self._keepers.judging.close()
        self._keepers.acting.close()


def isolated_plugin(source: str, name: str, limits: Limits | None = None) -> IsolatedPlugin:
    """Start a plugin in a process of its own and return an object with its hooks, to be registered in its stead.

    *source* is an entry point's value (``package.module:attribute``) or the path of a file; *limits* are those of
    ``Limits()`` when left out. Raises ``PluginError`` when the plugin cannot be imported within the limits.
    """
    if sys.platform == "win32":
        raise PluginError("cannot be isolated here: that needs Linux or macOS")
    limits = limits or Limits()
    if source.endswith(".py"):
        source = str(Path(source).absolute())  # the worker stands elsewhere
    strikes = Strikes(limits.strikes)
    keepers = Keepers(Keeper(source, name, limits, strikes), Keeper(source, name, limits, strikes))
    plugin = IsolatedPlugin(name, keepers, strikes)
    try:
        about = keepers.judging.load()
        if about["has_api"]:
            setattr(plugin, f"{NAMESPACE}_api", about["api"])
        for hook, marked in about["marked"].items():
            function = _hook(hook, keepers)
            setattr(plugin, hook, hookimpl(function) if marked else function)
    except PluginError as error:
        plugin.close()
        raise PluginError(f"cannot be imported in a process of its own: it {error}") from error
    except BaseException:
        plugin.close()
        raise
    return plugin


def _hook(hook: str, keepers: Keepers) -> Callable[[], Iterable[Any]]:
    kind = hook.removeprefix(f"{NAMESPACE}_").removesuffix("s")

    def things() -> Iterable[Any]:
        if kind not in ISOLATED_KINDS:
            raise PluginError(f"{hook}: a {kind} does not run isolated; load the plugin without isolation")
        try:
            found = keepers.judging.ask({"do": "hook", "hook": hook})
        except PluginError as error:
            raise PluginError(f"{hook} {error}") from error
        return [proxy(kind, about, keepers) for about in found]

    things.__name__ = hook
    return things

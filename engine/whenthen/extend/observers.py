"""Tells observers what happened, each guarded: they are told, and cannot interfere."""

from __future__ import annotations

from whenthen.extend.guarded import said
from whenthen.extend.registry import Registry
from whenthen.model.firing import Firing, Notice


def tell(registry: Registry, thing: Firing | Notice) -> list[Notice]:
    """Tell every registered observer of *thing*, in order of registration, and return a notice for each that failed.

    The notices are of kind ``observer_failed`` and name observer and plugin. Hand them to people, not to ``tell``: an
    observer that fails at everything would be told of its own failures for ever.
    """
    return [notice for name in registry.observers if (notice := _tell(registry, name, thing)) is not None]


def _tell(registry: Registry, name: str, thing: Firing | Notice) -> Notice | None:
    try:
        registry.observer(name).observe(thing)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - an observer may raise anything
        owner = registry.owner("observer", name)
        message = f"observer {name!r} of plugin {owner} raised {said(error)}"
        return Notice("observer_failed", thing.at_us, message, plugin=owner)
    return None

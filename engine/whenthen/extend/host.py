"""Finds plugins and loads them one by one, so that a bad one is reported and the rest goes on."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from whenthen.clock import from_us
from whenthen.errors import PluginError
from whenthen.extend.collect import collect
from whenthen.extend.folder import load_file, plugin_files, read_file
from whenthen.extend.guarded import said
from whenthen.extend.hookspecs import NAMESPACE
from whenthen.extend.registry import PluginRecord, Registry

ENTRY_POINT_GROUP = NAMESPACE


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin that was found, not yet loaded: what is known of it, and how it is had (``None``: not at all).

    *check* raises ``PluginError`` for what must be run neither here nor elsewhere.
    """

    record: PluginRecord
    load: Callable[[], Any] | None
    check: Callable[[], object] | None = None


def load_registry(
    *,
    disabled: Collection[str] = (),
    extra: Iterable[tuple[str, Any]] = (),
    folder: Path | None = None,
    isolated: Collection[str] = (),
    limits: Any = None,
) -> Registry:
    """Return a registry of everything that plugins register. Never raises for a bad one: see ``Registry.plugins``.

    Entry points of the group ``whenthen`` come first, the product's own before all others, then the files of *folder*,
    then *extra* (name, plugin object) pairs, as tests give them. *disabled* names plugins to leave out, *isolated*
    those that run in a process of their own within *limits*. What a plugin prints meanwhile goes to standard error.
    """
    registry = Registry()
    with redirect_stdout(sys.stderr):
        for found in _found(folder, extra):
            _load(registry, found, disabled, isolated, limits)
    known = {record.name for record in registry.plugins}
    for name in sorted({*disabled, *isolated} - known):
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        what = "switched off" if name in disabled else "isolated"
        registry.plugins.append(record := PluginRecord(name, "", ""))
        record.skip(f"was to be {what}, but there is no plugin of this name{hint}")
    return registry


def _found(folder: Path | None, extra: Iterable[tuple[str, Any]]) -> Iterator[Candidate]:
    yield from sorted(_installed(), key=_own_first)
    if folder is not None:
        yield from _in_folder(folder)
    for name, plugin in extra:
        yield Candidate(PluginRecord(name, "", ""), partial(_given, plugin))


def _given(plugin: Any) -> Any:
    return plugin


def _installed() -> Iterator[Candidate]:
    """Yield a candidate for each entry point of each distribution, the first on the path if there are several."""
    seen: set[str] = set()
    for distribution in distributions():
        try:
            text = distribution.read_text("entry_points.txt") or ""
            if f"[{ENTRY_POINT_GROUP}]" not in text:
                continue
            package, version = (_metadatum(distribution, key) for key in ("Name", "Version"))
            points = [point for point in distribution.entry_points if point.group == ENTRY_POINT_GROUP]
        except Exception as error:  # noqa: BLE001 - one distribution's torn metadata must not cost all others
            record = PluginRecord(_folder_name(distribution), "", "", since=_since(distribution))
            record.skip(f"its package's metadata cannot be read: {said(error)}; install it again")
            yield Candidate(record, None)
            continue
        normal = re.sub(r"[-_.]+", "-", package).lower()
        if normal in seen:
            continue
        seen.add(normal)
        for point in points:
            record = PluginRecord(point.name, package, version, source=point.value, since=_since(distribution))
            yield Candidate(record, point.load)


def _own_first(found: Candidate) -> tuple[bool, str, str]:
    return (found.record.package != NAMESPACE, found.record.name, found.record.package)


def _in_folder(folder: Path) -> Iterator[Candidate]:
    try:
        paths = plugin_files(folder)
    except PluginError as error:
        record = PluginRecord(folder.name or str(folder), "", "", source=str(folder))
        record.skip(str(error))
        yield Candidate(record, None)
        return
    for path in paths:
        record = PluginRecord(path.stem, "", "", source=str(path), since=_changed(path))
        yield Candidate(record, partial(load_file, path), partial(read_file, path))


def _load(
    registry: Registry, found: Candidate, disabled: Collection[str], isolated: Collection[str], limits: Any
) -> None:
    record, load = found.record, found.load
    taken = next((other for other in registry.plugins if other.name == record.name), None)
    registry.plugins.append(record)
    if load is None:
        return
    if record.name in disabled:
        record.switched_off = True
        record.skip("switched off by name")
        return
    if taken is not None:
        record.skip(f"its name is already taken by {taken.source or taken.name}, which keeps it")
        return
    record.isolated = record.name in isolated
    try:
        plugin = _isolated(found, limits) if record.isolated else load()
    except KeyboardInterrupt:
        raise
    except PluginError as error:
        record.skip(str(error))
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything while it loads, SystemExit too
        record.skip(f"cannot be {'isolated' if record.isolated else 'imported'}: {said(error)}")
    else:
        collect(registry, record, plugin)


def _isolated(found: Candidate, limits: Any) -> Any:
    """Return what stands in for a plugin that runs in a process of its own."""
    if not found.record.source:
        raise PluginError("cannot be isolated: it is neither installed nor a file")
    if found.check is not None:
        found.check()
    # Only those who isolate a plugin pay for what that needs.
    isolation = import_module("whenthen.extend.isolation")
    return isolation.isolated_plugin(found.record.source, found.record.name, limits)


def _metadatum(distribution: Distribution, key: str) -> str:
    return distribution.metadata[key] if key in distribution.metadata else ""  # noqa: SIM401 - it has no get


def _folder_name(distribution: Distribution) -> str:
    path = getattr(distribution, "_path", None)
    return path.name if isinstance(path, Path) else "unknown"


def _since(distribution: Distribution) -> str | None:
    """Return when a distribution was installed, which is when its metadata were written."""
    path = getattr(distribution, "_path", None)
    return _changed(path) if isinstance(path, Path) else None


def _changed(path: Path) -> str | None:
    try:
        return from_us(path.stat().st_mtime_ns // 1_000).isoformat(timespec="seconds")
    except OSError:
        return None

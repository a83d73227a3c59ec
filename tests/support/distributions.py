"""Tiny distributions, as an installer would have left them: a module and a dist-info folder on the path."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

WARM = """
    from whenthen import Condition, hookimpl

    class Warm(Condition):
        type = "{name}"
        reads = ("temperature",)

        def evaluate(self, view):
            return view["temperature"] > 20

    @hookimpl
    def whenthen_conditions():
        return [Warm]
"""
"""A sound plugin that registers one condition, ``{name}``."""


class Site:
    """A folder on ``sys.path`` into which distributions are put."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, source: str, *, version: str = "1.0", points: str | None = None) -> Path:
        """Put the distribution *name* there, whose module of that name holds *source*; return its dist-info."""
        (self.folder / f"{name}.py").write_text(dedent(source), encoding="utf-8")
        metadata = self.folder / f"{name}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
        )
        points = f"[whenthen]\n{name} = {name}\n" if points is None else points
        (metadata / "entry_points.txt").write_text(points, encoding="utf-8")
        return metadata

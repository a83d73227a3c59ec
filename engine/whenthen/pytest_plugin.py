"""What whenthen adds to pytest: ``*.scenario.json`` files are tests, and two fixtures.

pytest loads this in every project that has whenthen installed, so it imports nothing that it may not need; it lies
outside ``whenthen.testing``, which needs Hypothesis.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from whenthen.clock import ManualClock
from whenthen.errors import WhenthenError

if TYPE_CHECKING:
    from whenthen.extend.registry import Registry

_ENDING = ".scenario.json"
_FAILURES = Path(".whenthen", "failures")
"""Where a failing scenario's rules and history are written, below pytest's root folder."""

_REGISTRY: pytest.StashKey[Registry] = pytest.StashKey()


class ScenarioFailedError(WhenthenError):
    """A scenario that cannot be read, or in which something was not as expected; says all of it."""

    code = "scenario_failed"


class ScenarioFile(pytest.File):
    """A file that is one test."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the scenario."""
        yield ScenarioItem.from_parent(self, name=self.path.name.removesuffix(_ENDING))


class ScenarioItem(pytest.Item):
    """A scenario as a test."""

    def runtest(self) -> None:
        """Run the scenario; raises ``ScenarioFailedError``."""
        from whenthen.proving.keep import keep  # noqa: PLC0415 - see above
        from whenthen.proving.scenarios.verdict import scenario_verdict  # noqa: PLC0415

        verdict = scenario_verdict(self.path, _registry(self.config))
        if verdict.outcome == "passed":
            self.add_report_section("call", "whenthen", "\n".join(verdict.lines()))
            return
        lines = [f"{verdict.name or self.path.name}: {verdict.outcome}", *verdict.lines()]
        if verdict.played is not None:
            command = keep(self.config.rootpath / _FAILURES / self._folder(), verdict.played, verdict.places)
            lines.append(f"see it with: {command}")
        raise ScenarioFailedError("\n".join(lines))

    def _folder(self) -> str:
        """Return a name of its own for what is kept: files in two folders may have one name."""
        return re.sub(r"[^\w.-]+", "-", self.nodeid.partition(_ENDING)[0])

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what went wrong; where in our code that was noticed helps nobody."""
        if isinstance(excinfo.value, ScenarioFailedError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the file and the test's name."""
        return self.path, None, self.name


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect scenarios."""
    return ScenarioFile.from_parent(parent, path=file_path) if file_path.name.endswith(_ENDING) else None


@pytest.fixture(scope="session")
def whenthen_registry(pytestconfig: pytest.Config) -> Registry:
    """Return what installed plugins registered, as the command line finds it: what an ``Engine`` needs."""
    return _registry(pytestconfig)


@pytest.fixture
def manual_clock() -> ManualClock:
    """Return a clock that is turned by hand, at the first instant of 2026, UTC."""
    return ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


def _registry(config: pytest.Config) -> Registry:
    from whenthen.extend.settings import PluginSettings  # noqa: PLC0415 - see above

    if _REGISTRY not in config.stash:
        config.stash[_REGISTRY] = PluginSettings.of(os.environ).load()
    return config.stash[_REGISTRY]

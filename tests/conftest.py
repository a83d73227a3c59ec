"""What every test shares: how hard Hypothesis tries, and whether a skipped test is a failure.

The profile ``dev`` (the default) is quick; ``WHENTHEN_PROFILE=ci`` tries much longer. Both try the same examples each
time, so that what passed here passes elsewhere; ``WHENTHEN_PROFILE=explore`` draws new ones. All print what
reproduces a failure. With ``WHENTHEN_NO_SKIPS`` set, as ``.ci/run`` does, a test that is skipped for want of a
service fails.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from distributions import Site
from hypothesis import HealthCheck, settings

# The machine that runs the tests may be busy: slowness is no failure, so there is no deadline.
settings.register_profile("dev", max_examples=50, deadline=None, print_blob=True, derandomize=True)
settings.register_profile(
    "ci",
    max_examples=1_000,
    deadline=None,
    print_blob=True,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", settings.get_profile("ci"), derandomize=False)
settings.load_profile(os.environ.get("WHENTHEN_PROFILE", "dev"))

_MAY_BE_ABSENT = "not part of the repository"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure when everything is said to be there."""
    report = yield
    if os.environ.get("WHENTHEN_NO_SKIPS") and report.skipped and _MAY_BE_ABSENT not in str(report.longrepr):
        report.outcome = "failed"
    return report


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a place to install plugins into that is forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    known = set(sys.modules)
    yield Site(folder)
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
    importlib.invalidate_caches()

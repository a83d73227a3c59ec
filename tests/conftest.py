"""What every test shares: how hard Hypothesis tries, and whether a skipped test is a failure.

The profile ``dev`` (the default) is quick; ``WHENTHEN_PROFILE=ci`` tries much longer. Both print what reproduces a
failure. With ``WHENTHEN_NO_SKIPS`` set, as ``.ci/run`` does, a test that is skipped for want of a service fails.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# The machine that runs the tests may be busy: slowness is no failure, so there is no deadline.
settings.register_profile("dev", max_examples=50, deadline=None, print_blob=True)
settings.register_profile(
    "ci",
    max_examples=2_000,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("WHENTHEN_PROFILE", "dev"))

_MAY_BE_ABSENT = "not part of the repository"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure when everything is said to be there."""
    report = yield
    wanted = os.environ.get("WHENTHEN_NO_SKIPS") and not hasattr(report, "wasxfail")
    if wanted and report.skipped and _MAY_BE_ABSENT not in str(report.longrepr):
        report.outcome = "failed"
    return report

"""The kit needs pytest and Hypothesis; the product does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

import whenthen.testing


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_whenthen_imports_neither_pytest_nor_hypothesis() -> None:
    heavy = "{'pytest', 'hypothesis', 'whenthen.testing'}"

    assert run(f"import sys, whenthen, whenthen.cli; print({heavy} & sys.modules.keys())").stdout == "set()\n"


@pytest.mark.parametrize("missing", ["pytest", "hypothesis"])
def test_without_them_the_kit_says_what_to_install(missing: str) -> None:
    said = run(f"import sys; sys.modules[{missing!r}] = None; import whenthen.testing").stderr

    assert "whenthen.testing needs pytest and Hypothesis: pip install 'whenthen[testing]'" in said


def test_every_public_name_is_there() -> None:
    assert all(hasattr(whenthen.testing, name) for name in whenthen.testing.__all__)

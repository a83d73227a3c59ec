"""Each benchmark runs, and all of its contestants fire equally often; how fast they are is not for a test to say."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
MODULES = {path.stem for path in FOLDER.glob("*.py")}


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(FOLDER)
    yield
    for name in MODULES & set(sys.modules):
        del sys.modules[name]


def workload(name: str) -> Any:
    return importlib.import_module(name)


@pytest.mark.filterwarnings("ignore")  # the peers' own warnings are not ours to mend
@pytest.mark.parametrize(
    "name",
    ["w1", "w1b", "durations", "load", "replay", "expression", "plugins", "isolation", "coverage", "server", "web"],
)
def test_a_workload_yields_figures_whose_contestants_agree(name: str) -> None:
    module = workload(name)

    figures = list(module.run(module.SIZES["tiny"]))

    assert figures
    assert all(value > 0 for figure in figures for value in figure.values)


def test_contestants_that_fire_differently_are_not_compared() -> None:
    measure = workload("measure")
    wrong = measure.counting("wrong", 1, 2, lambda: lambda: 1)

    with pytest.raises(measure.DisagreementError, match="wrong fired 1 times, the reference 2 times"):
        measure.race([wrong], 1)


def test_a_figure_is_the_median_of_its_rounds_and_knows_whether_it_reaches_its_target() -> None:
    figure = workload("measure").Figure
    quick, slow = (
        figure("W", "speed", (0.4, 0.6, 9.0), target=0.5),
        figure("W", "time", (2.0,), target=1.0, at_least=False),
    )

    assert (quick.median, quick.met, slow.met, figure("W", "any", (1.0,)).met) == (0.6, True, False, None)


def test_results_replace_those_that_were_in_the_readme(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    table, figure = workload("table"), workload("measure").Figure
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(table, "README", readme)

    table.write([figure("W1", "speed", (0.5,), target=0.25)], ["a machine"])

    text = readme.read_text(encoding="utf-8")
    assert "| W1 | speed | 0.5 | 0.5 | 0.5 | ≥ 0.25 | met |  |" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")


def test_an_unknown_benchmark_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        workload("run").main(["w2"])

    assert ended.value.code == 2
    assert "there is no benchmark w2" in capsys.readouterr().err

"""Documentation is run: its links lead somewhere, its rules load, its commands print what it says they print."""

from __future__ import annotations

import doctest
import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from whenthen.cli import main
from whenthen.engine import Engine
from whenthen.extend.host import load_registry

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#:]+)(#[^)]*)?\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])
        for page in PAGES
        for text in [page.read_text(encoding="utf-8")]
        for match in _FENCE.finditer(text)
        if match[1] in languages
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_to_a_file(page: Path) -> None:
    targets = [match[1] for match in _LINK.finditer(page.read_text(encoding="utf-8"))]

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_every_python_block_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if ">>>" not in block.text:
        exec(compile(block.text, str(block), "exec"), {"__name__": "__docs__"})  # noqa: S102 - our own documents
        return
    test = doctest.DocTestParser().get_doctest(block.text, {}, str(block), str(block.page), block.line)
    said: list[str] = []
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)

    assert results.failed == 0, "".join(said)


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_every_json_block_is_json_and_every_rule_in_it_loads(block: Block) -> None:
    document = json.loads(block.text)
    engine = Engine(load_registry())
    for rule in document if isinstance(document, list) else [document]:
        if isinstance(rule, dict) and "actions" in rule and ("trigger" in rule or "triggers" in rule):
            engine.put_rule({"id": "a-rule", **rule})


@pytest.mark.parametrize("block", blocks("console"), ids=str)
def test_every_console_block_prints_what_it_says(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    command, _, said = block.text.removeprefix("$ ").partition("\n")
    program, *arguments = shlex.split(command)
    assert program == "whenthen"
    result = CliRunner().invoke(main, arguments)

    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert _matches(result.output.splitlines(), said.splitlines()), result.output


def _matches(printed: list[str], said: list[str]) -> bool:
    """Compare lines: ``…`` stands for anything within its line, alone on a line for any number of lines."""
    pattern = "".join("(.*\n)*" if line == "…" else re.escape(line).replace("…", ".*") + "\n" for line in said)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None

"""The table of rights in ``docs/server/access.md`` is the policy, cell by cell."""

from __future__ import annotations

from pathlib import Path

from whenthen_server.auth.caller import Role
from whenthen_server.auth.policy import POLICY, Rule, Where

PAGE = Path(__file__).parents[3] / "docs" / "server" / "access.md"
VERBS = ["list", "read", "create", "update", "delete", "run", "send", "acknowledge"]
WORDS = {
    Where.ROOM: "",
    Where.PART: " of a part",
    Where.FARM: " of the farm",
    Where.INSTALLATION: " of all",
    Where.ANYWHERE: " anywhere",
}


def cell(rule: Rule | None) -> str:
    if rule is None:
        return "-"
    if rule.least is Role.NONE:
        return {4: "anybody", 3: "known", 2: "signed in", 1: "oneself"}[len(rule.kinds)]
    if rule.where is Where.SELF:
        return "own"
    device = " or device" if "device" in rule.kinds else ""
    person = "" if "api_key" in rule.kinds else " †"
    return f"{rule.least.word}{WORDS[rule.where]}{device}{person}"


def row(resource: str) -> str:
    return f"| {resource} | {' | '.join(cell(POLICY.get((resource, verb))) for verb in VERBS)} |"


def test_the_page_shows_every_right_and_no_other() -> None:
    resources = list(dict.fromkeys(resource for resource, _ in POLICY))
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    header = lines.index(f"| | {' | '.join(VERBS)} |")
    shown = [line for line in lines[header + 2 : lines.index("", header)] if line]

    assert shown == [row(resource) for resource in resources]


def test_the_page_names_every_part_of_a_key_and_every_cookie() -> None:
    text = PAGE.read_text(encoding="utf-8")

    for word in ("wt_dev_", "wt_api_", "X-Device-Key", "__Host-whenthen", "signing.key", "owner.key"):
        assert word in text

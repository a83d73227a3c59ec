"""What a new plugin package consists of: its files, made of templates that are texts and never run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from keyword import iskeyword
from string import Template
from typing import Any

KINDS = ("condition", "trigger", "action", "function")
"""What can be asked for, in the order in which it is written."""

_ITEMS = {"condition": "type[Condition]", "trigger": "type[Trigger]", "action": "type[Action]", "function": "Function"}
_PUBLIC = {"condition": "Condition", "trigger": "Trigger", "action": "Action", "function": "Function"}
_IN_USE = frozenset({"Action", "ActionCall", "Any", "Condition", "SensorTrigger", "Trigger", "Truth", "View"})
_CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "condition": {"above": 21.5},
    "trigger": {"at_most_every_seconds": 60},
    "action": {"url": "https://hooks.example.com/vent", "message": "It is {temperature} °C"},
}
_LINE = 120


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing to be registered: its *kind* and the *type* (for a function the name) under which rules ask for it."""

    kind: str
    type: str

    @property
    def name(self) -> str:
        """Return the class's name, or the constant's that holds a function.

        >>> Thing("condition", "greenhouse.dew_point").name, Thing("condition", "view").name
        ('DewPoint', 'ViewCondition')
        """
        own = self.type.rpartition(".")[2]
        if self.kind == "function":
            return own.upper() if own.upper() != own else f"{own}_FUNCTION"
        name = "".join(word.capitalize() for word in own.split("_"))
        return name + self.kind.capitalize() if name in _IN_USE or iskeyword(name) else name


@dataclass(frozen=True, slots=True)
class Package:
    """A package to be written: its *name* as a distribution, what it registers, for which *version* of whenthen."""

    name: str
    things: tuple[Thing, ...]
    version: str

    @property
    def module(self) -> str:
        """Return the name by which it is imported.

        >>> Package("whenthen-green-house", (), "0.1").module, Package("whenthen-green-house", (), "0.1").plugin
        ('whenthen_green_house', 'green_house')
        """
        return self.name.replace("-", "_")

    @property
    def plugin(self) -> str:
        """Return the name of the entry point, which is the plugin's name in lists and settings."""
        return self.module.removeprefix("whenthen_")

    def of(self, kind: str) -> list[Thing]:
        """Return the things of one kind, in the order in which they were asked for."""
        return [thing for thing in self.things if thing.kind == kind]

    @property
    def kinds(self) -> list[str]:
        """Return the kinds of which there are things."""
        return [kind for kind in KINDS if self.of(kind)]


def files_of(package: Package) -> dict[str, str]:
    """Return the text of every file of a package by its path below the package's folder."""
    source = f"src/{package.module}"
    texts = {
        "pyproject.toml": _text("pyproject.toml", **_words(package), summary=_summary(package)),
        "README.md": _text("README.md", **_words(package), summary=_summary(package), rows=_rows(package)),
        ".gitignore": _text("gitignore"),
        f"{source}/__init__.py": f'"""{_summary(package)}."""\n',
        f"{source}/py.typed": "",
        f"{source}/plugin.py": _plugin(package),
        "examples/rule.json": json.dumps(_rule(package), indent=2, ensure_ascii=False) + "\n",
        "examples/readings.csv": _text("readings.csv"),
        "tests/test_example.py": _example_test(package),
    }
    for kind in package.kinds:
        texts[f"{source}/{kind}s.py"] = _module(package, kind)
        texts[f"tests/test_{kind}s.py"] = _contract_test(package, kind)
    return texts


@cache
def _template(name: str) -> Template:
    return Template((files("whenthen") / "scaffold" / f"{name}.tmpl").read_text(encoding="utf-8"))


def _text(template: str, **words: str) -> str:
    return _template(template).substitute(words)


def _words(package: Package) -> dict[str, str]:
    return {"name": package.name, "module": package.module, "plugin": package.plugin, "version": package.version}


def _summary(package: Package) -> str:
    counts = [f"{kind}{'s' * (len(package.of(kind)) > 1)}" for kind in package.kinds]
    what = " and ".join([", ".join(counts[:-1]), counts[-1]] if counts[:-1] else counts)
    return f"A plugin for whenthen: {what}"


def _rows(package: Package) -> str:
    said = ", ".join
    return "".join(
        f"| `src/{package.module}/{kind}s.py` | {said(f'`{thing.type}`' for thing in package.of(kind))} |\n"
        for kind in package.kinds
    )


def _plugin(package: Package) -> str:
    public = [*sorted(_PUBLIC[kind] for kind in package.kinds), "hookimpl"]
    # The modules, not the classes: a condition and an action may be of one name.
    own = f"from {package.module} import {', '.join(f'{kind}s' for kind in sorted(package.kinds))}"
    imports = f"from whenthen import {', '.join(public)}\n\n{own}"
    hooks = "".join(
        _text("hook.py", kind=kind, item=_ITEMS[kind], listing=_listing(package.of(kind))) for kind in package.kinds
    )
    return _text("plugin.py", **_words(package), imports=imports) + hooks


def _module(package: Package, kind: str) -> str:
    head = _text(f"{kind}.head", **_words(package))
    return head + "".join(_text(f"{kind}.py", cls=thing.name, type=thing.type) for thing in package.of(kind))


def _contract_test(package: Package, kind: str) -> str:
    things = package.of(kind)
    head = _text("test.head", Kind=kind.capitalize(), imports=_import(f"{package.module}.{kind}s", things))
    tests = (
        _text("test.py", Kind=kind.capitalize(), kind=kind, cls=thing.name, test=_test_name(thing)) for thing in things
    )
    return head + "".join(tests)


def _test_name(thing: Thing) -> str:
    return thing.name.title().replace("_", "") if thing.kind == "function" else thing.name


def _example_test(package: Package) -> str:
    registered = {kind: [thing.type for thing in package.of(kind)] for kind in package.kinds}
    lines = "".join(f"        {json.dumps(kind)}: {_listed(types)},\n" for kind, types in registered.items())
    return _text("test_example.py", plugin=package.plugin, registered=f"{{\n{lines}    }}")


def _listed(types: Sequence[str]) -> str:
    whole = json.dumps(types)
    if len(whole) < _LINE - 25:
        return whole
    return "[\n" + "".join(f"            {json.dumps(name)},\n" for name in types) + "        ]"


def _import(module: str, things: Sequence[Thing]) -> str:
    names = sorted((thing.name for thing in things), key=_import_order)
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= _LINE:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"


def _import_order(name: str) -> tuple[bool, str]:
    """Order names as ruff does: constants before classes."""
    return (not (len(name) > 1 and name.isupper()), name)


def _listing(things: Sequence[Thing]) -> str:
    names = [f"{thing.kind}s.{thing.name}" for thing in things]
    line = f"return [{', '.join(names)}]"
    if len(line) <= _LINE - 4:
        return line
    return "return [\n" + "".join(f"        {name},\n" for name in names) + "    ]"


def _rule(package: Package) -> dict[str, Any]:
    """Return a rule that uses everything the package registers and fires above 21.5 °C."""
    triggers = [{"type": thing.type, "config": dict(_CONFIGS["trigger"])} for thing in package.of("trigger")]
    conditions = [{"type": thing.type, "config": dict(_CONFIGS["condition"])} for thing in package.of("condition")]
    conditions += [
        {"type": "expression", "config": {"expression": f"{thing.type}(temperature) > 70.7"}}
        for thing in package.of("function")
    ]
    actions = [{"type": thing.type, "config": dict(_CONFIGS["action"])} for thing in package.of("action")]
    warm = {"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 21.5}}
    said = {"type": "log", "config": {"message": "It is {temperature} °C"}}
    return {
        "id": f"{package.name}-example",
        "name": f"An example of {package.name}",
        "triggers": triggers or [{"type": "sensor", "config": {"sensor": "temperature"}}],
        "conditions": conditions or [warm],
        "actions": actions or [said],
    }

"""A compiler that many engines share: a rule that is put into each of them is compiled once."""

from __future__ import annotations

import json
from typing import Any

from whenthen.dsl.compiled import CompiledRule
from whenthen.dsl.rule import RuleCompiler
from whenthen.extend.registry import Registry

_KEPT = 1_000


class RememberingCompiler(RuleCompiler):
    """Compiles each document once; what is compiled never changes, so engines may share it.

    >>> from whenthen.extend.host import load_registry
    >>> compiler = RememberingCompiler(load_registry())
    >>> rule = {"name": "A", "trigger": {"type": "manual"}, "actions": [{"type": "log", "config": {"message": "a"}}]}
    >>> compiler.compile(rule) is compiler.compile(dict(rule))
    True
    """

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self._known: dict[str, CompiledRule] = {}

    def compile(self, document: Any) -> CompiledRule:
        """Return the compiled rule; raises ``InvalidRuleError`` with every problem of the document."""
        try:
            text = json.dumps(document)
        except (TypeError, ValueError, RecursionError):
            return super().compile(document)
        if text not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[text] = super().compile(document)
        return self._known[text]

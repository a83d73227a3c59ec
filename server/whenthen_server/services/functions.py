"""Calls the function that a ``custom`` action names, among those that plugins registered for actions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from whenthen import ActionRefusedError, Function


class Functions:
    """The functions of a registry that are marked for actions.

    >>> beep = Function("beep", lambda params: params["times"] * "beep", action=True)
    >>> Functions({"beep": beep}).call("beep", {"times": 2})
    'beepbeep'
    """

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self._functions = functions

    def call(self, name: str, params: Mapping[str, Any], services: Any = None) -> Any:
        """Return what the function returns for *params*; one that asks for services gets *services* as well.

        Raises ``ActionRefusedError`` when there is no such function, it is none for actions, or its result is no JSON;
        whatever the function itself raises goes on to the dispatcher.
        """
        function = self._functions.get(name)
        if function is None or not function.action:
            known = ", ".join(sorted(f.name for f in self._functions.values() if f.action)) or "none"
            raise ActionRefusedError(f"no plugin registered an action function {name!r}; there are: {known}")
        result = function.call(params, services) if function.services else function.call(params)
        try:
            json.dumps(result, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise ActionRefusedError(f"the result of {name} cannot be written as JSON: {error}") from error
        return result

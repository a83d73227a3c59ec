"""How a runtime goes about its work, where an operator may wish it otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from whenthen.clock import SECOND_US


@dataclass(frozen=True, slots=True)
class Manner:
    """What an operator may set; times are in microseconds.

    *paused*: readings are stored and move state, but no rule fires or clears. *wait_us*: the longest time between
    two looks at what is due. *attempt_us*: how long one attempt of an action may take when the action does not say.
    *retries*: how often an action that asks to be tried again, and does not say how often, is; *retrying* false: no
    action is tried again, whatever it says.
    """

    paused: bool = False
    wait_us: int = SECOND_US
    attempt_us: int = 30 * SECOND_US
    retrying: bool = True
    retries: int = 3

    def retries_of(self, asked: int | None) -> int:
        """Return how often an action is tried again that asks for *asked* (``None``: it does not say how often).

        >>> Manner(retries=5).retries_of(None), Manner(retries=5).retries_of(2), Manner(retrying=False).retries_of(2)
        (5, 2, 0)
        """
        if not self.retrying:
            return 0
        return self.retries if asked is None else asked

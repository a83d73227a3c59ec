"""How often a rule may act: a token bucket for each rule, so that a runaway one cannot flood the world."""

from __future__ import annotations

from whenthen.clock import MINUTE_US

PER_MINUTE = 60

_MANY = 10_000


class Rates:
    """Lets each rule act *per_minute* times a minute, all at once if it likes, and evenly from then on.

    >>> rates = Rates(per_minute=2)
    >>> [rates.take("r1", now_us=0) for _ in range(3)]
    [True, True, False]
    >>> rates.take("r1", now_us=30_000_000)
    True
    """

    def __init__(self, per_minute: int = PER_MINUTE) -> None:
        self._gap_us = MINUTE_US // per_minute
        self._most_us = MINUTE_US
        self._free_us: dict[str, int] = {}

    def take(self, rule_id: str, now_us: int) -> bool:
        """Tell whether a rule may act now, and count it if so."""
        # The bucket as a point in time: how far ahead of the clock the rule has spent its share.
        spent_us = max(self._free_us.get(rule_id, 0), now_us)
        if spent_us + self._gap_us > now_us + self._most_us:
            return False
        self._free_us[rule_id] = spent_us + self._gap_us
        if len(self._free_us) > _MANY:  # a rule that has its whole share again needs no place
            self._free_us = {name: free_us for name, free_us in self._free_us.items() if free_us > now_us}
        return True

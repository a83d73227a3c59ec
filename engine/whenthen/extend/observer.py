"""The base class of observers: who is told, and cannot interfere."""

from __future__ import annotations

from typing import ClassVar

from whenthen.model.firing import Firing, Notice


class Observer:
    """Who is told of every firing and notice. Subclass it, name its ``type``, write ``observe``.

    whenthen makes one instance, without arguments, when there is first something to tell.

    >>> class Count(Observer):
    ...     type = "count"
    ...     firings = 0
    ...
    ...     def observe(self, thing):
    ...         self.firings += isinstance(thing, Firing)
    >>> count = Count()
    >>> count.observe(Firing(0, "r1", "Warm", "dev-1", "fired", ()))
    >>> count.firings
    1
    """

    type: ClassVar[str]
    """The observer's name; ``snake_case``, unique among observers."""

    def observe(self, thing: Firing | Notice) -> None:  # noqa: ARG002 - to be overridden
        """Take note of one firing or notice; what it returns is ignored, what it raises is reported.

        Called in order, one at a time, while others wait: hand anything slow to a thread of your own.
        """
        raise TypeError(f"{self.type} lacks the method observe")

    def describe(self) -> str:
        """Return a short sentence that a person reads."""
        return self.type

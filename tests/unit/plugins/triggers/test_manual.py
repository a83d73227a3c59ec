"""The manual trigger."""

from whenthen_plugins.triggers.manual import Manual


def test_nothing_starts_it() -> None:
    trigger = Manual({})

    assert (trigger.sensors(), trigger.events(), trigger.scheduled) == ((), (), False)

"""Words for errors and things, whatever these do when they are asked for them."""

from __future__ import annotations

import pytest

from whenthen.extend.guarded import said, shown


class Sly(Exception):  # noqa: N818 - no error of ours
    """An error whose message raises what it is given."""

    def __str__(self) -> str:
        raise self.args[0]


class Hidden:
    """A thing that cannot be shown."""

    def __repr__(self) -> str:
        raise SystemExit


def test_an_error_is_told_with_its_kind_and_on_one_line() -> None:
    assert said(ValueError("no\n  such valve")) == "ValueError: no such valve"
    assert said(ValueError()) == "ValueError"


def test_what_is_long_is_cut_and_what_is_not_is_left_alone() -> None:
    assert said(ValueError("x" * 1_000)) == f"ValueError: {'x' * 287}…"
    assert shown("x" * 200) == repr("x" * 200)


def test_an_error_that_cannot_be_told_is_told_to_be_one() -> None:
    assert said(Sly(SystemExit())) == "Sly: (its message raises, too)"
    assert shown(Hidden()) == "an object of Hidden that cannot be shown"


def test_the_users_interrupt_passes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        said(Sly(KeyboardInterrupt()))

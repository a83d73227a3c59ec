"""Has the one writer do something, and words for HTTP what can come in between."""

from __future__ import annotations

from math import ceil
from typing import TypeVar

from whenthen.runtime import JournalError, QueueFullError, Runtime
from whenthen.runtime.intake import Item
from whenthen_server.problems import Conflict, NotFound, Unavailable
from whenthen_server.store.commands import CommandStateError, QueueOfDeviceFullError
from whenthen_server.store.places import PlaceConflictError, UnknownPlaceError

COMMIT_SECONDS = 10.0

Given = TypeVar("Given")


def committed(runtime: Runtime, item: Item[Given]) -> Given:
    """Return the item's answer once all that it caused is on the disk.

    Raises ``Unavailable`` when it cannot be stored now, ``NotFound`` and ``Conflict`` for what the item itself found,
    and lets ``TimeoutError`` rise: then nobody knows whether it is stored.
    """
    try:
        return runtime.submit(item).wait(COMMIT_SECONDS)
    except QueueFullError as error:
        headers = {"Retry-After": str(ceil(error.retry_after_seconds))}
        raise Unavailable("There is more to do than can be taken. Nothing of this was kept.", headers=headers) from None
    except JournalError as error:
        detail = "Nothing can be stored at present, and nothing of this was kept. The log has the reason."
        raise Unavailable(detail, headers={"Retry-After": "5"}) from error
    except UnknownPlaceError:
        raise NotFound("It was there a moment ago, and is gone now.") from None
    except QueueOfDeviceFullError as error:
        detail = f"{error}. Withdraw some, or wait until the device has fetched them."
        raise Conflict(detail, code="device_queue_full") from None
    except (PlaceConflictError, CommandStateError) as error:
        raise Conflict(f"{error}.") from None

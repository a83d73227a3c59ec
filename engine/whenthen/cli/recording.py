"""``--readings``: a recording, opened."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path

import click

from whenthen.recorded import Recording, RecordingError


def open_recording(readings: Path, device: str, zone: tzinfo) -> Recording:
    """Return a recording; raises ``click.BadParameter`` for a file of which nothing can be read."""
    try:
        return Recording(readings, device=device, zone=zone)
    except OSError as error:
        raise click.BadParameter(f"{readings}: {error.strerror}", param_hint="--readings") from None
    except RecordingError as error:
        raise click.BadParameter(str(error), param_hint="--readings") from None


readings_device = click.option(
    "--device", default="device", show_default=True, help="Whose readings they are if the file does not say."
)

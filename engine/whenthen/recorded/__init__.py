"""Recorded readings: CSV and JSON Lines files as a stream of readings, events and rows that cannot be read."""

from whenthen.recorded.recording import Recording
from whenthen.recorded.row import BadRow, RecordingError, Row

__all__ = ["BadRow", "Recording", "RecordingError", "Row"]

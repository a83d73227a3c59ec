"""The server around the engine: its place is kept here; the engine runs without it."""

"""Promises: what must hold in every history, judged to the microsecond, and a search for one that breaks it."""

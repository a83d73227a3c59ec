"""Looks back: what a rule saw, or would do, at a past instant, from what is stored; for REST and the command line."""

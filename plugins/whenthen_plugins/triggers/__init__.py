"""The built-in triggers, one file a type."""

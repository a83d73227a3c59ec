"""The built-in conditions, one file a type."""

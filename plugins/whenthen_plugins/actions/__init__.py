"""The built-in actions, one file a type."""

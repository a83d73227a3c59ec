"""From a JSON document to a compiled rule."""

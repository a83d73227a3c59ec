"""REST: routes as values, each a parsed request, one call, and an answer."""

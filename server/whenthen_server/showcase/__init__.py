"""The server with the simulated farm in it: ``whenthen demo``."""

from whenthen_server.showcase.opened import Showcase, open_showcase

__all__ = ["Showcase", "open_showcase"]

"""What goes over Socket.IO: readings, states and firings as they are committed, commands to devices and their answers.

``join`` adds it to a house.
"""

from whenthen_server.live.joined import Live, join

__all__ = ["Live", "join"]

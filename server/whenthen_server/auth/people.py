"""People and keys behind one name, for the routes."""

from __future__ import annotations

from whenthen_server.auth.keyring import KeyRing
from whenthen_server.auth.members import Members


class People(Members, KeyRing):
    """All that can be done to people, their roles, keys and sessions."""

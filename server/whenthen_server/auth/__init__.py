"""Who a caller is and what a caller may do: keys, sessions, tokens of identity providers, and one policy table.

``Gate.authenticate`` says who sends a request; ``demand`` says whether they may; ``People`` changes who they are.
"""

from whenthen_server.auth.bearer import BearerTokens
from whenthen_server.auth.caller import ANONYMOUS, NOWHERE, Caller, Place, Role, RoomGrant
from whenthen_server.auth.configured import hasher_of, providers_of, sessions_of
from whenthen_server.auth.firststart import first_start, login_url
from whenthen_server.auth.folder import UnsafeFolderError, prepare_folder, signing_key
from whenthen_server.auth.gate import Gate
from whenthen_server.auth.keys import Hasher, Key
from whenthen_server.auth.members import Person
from whenthen_server.auth.origin import Site, demand_own_page, is_own_page
from whenthen_server.auth.people import People
from whenthen_server.auth.policy import POLICY, Reach, demand, hidden, may, reach
from whenthen_server.auth.provider import Provider, cognito
from whenthen_server.auth.sessions import no_cookie, session_cookie

__all__ = [
    "ANONYMOUS",
    "NOWHERE",
    "POLICY",
    "BearerTokens",
    "Caller",
    "Gate",
    "Hasher",
    "Key",
    "People",
    "Person",
    "Place",
    "Provider",
    "Reach",
    "Role",
    "RoomGrant",
    "Site",
    "UnsafeFolderError",
    "cognito",
    "demand",
    "demand_own_page",
    "first_start",
    "hasher_of",
    "hidden",
    "is_own_page",
    "login_url",
    "may",
    "no_cookie",
    "prepare_folder",
    "providers_of",
    "reach",
    "session_cookie",
    "sessions_of",
    "signing_key",
]

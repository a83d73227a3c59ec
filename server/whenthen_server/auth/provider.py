"""An OpenID provider whose access tokens are taken: what they must say, and what their groups may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from whenthen_server.auth.caller import Role
from whenthen_server.auth.jwks import check_jwks_url, discovered, fetch

SIGNATURES = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""The algorithms that may be listed: those whose key for checking cannot sign."""

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Provider:
    """What is taken from one issuer.

    *issuer* and *clients* must be matched exactly; *client_claim* is the claim with the client's id (a text or a list).
    *require* are claims that must have just this value. *groups_claim* and *name_claim* are paths from the outside in,
    such as ``("realm_access", "roles")``; *roles* maps a group to a farm (``*``: every farm) and a role. Raises
    ``ValueError`` for what would leave the door open.
    """

    issuer: str
    jwks_url: str | None
    """Where the keys are; ``None``: where the issuer's discovery document says."""
    clients: frozenset[str]
    algorithms: tuple[str, ...] = ("RS256",)
    client_claim: str = "aud"
    require: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    groups_claim: tuple[str, ...] = ("groups",)
    name_claim: tuple[str, ...] = ("name",)
    roles: Mapping[str, tuple[str, Role]] = field(default_factory=lambda: MappingProxyType({}))
    leeway_s: int = 30
    lifetime_s: int = 86_400
    """The longest time from issue to expiry; a token for longer is refused."""
    allow_http: bool = False
    """Fetch keys in the clear from another machine: for a network where nobody listens."""

    def __post_init__(self) -> None:
        if not self.issuer or not self.clients or "" in self.clients:
            raise ValueError("a provider needs its issuer and at least one client id (or audience)")
        wrong = sorted(set(self.algorithms) - SIGNATURES)
        if wrong or not self.algorithms:
            raise ValueError(f"algorithms {wrong} are not taken; choose from {', '.join(sorted(SIGNATURES))}")
        # The issuer is asked for the address of the keys, so its own must be as good.
        check_jwks_url(self.issuer if self.jwks_url is None else self.jwks_url, allow_http=self.allow_http)

    def load_keys(self) -> bytes:
        """Return the JWKS document, after asking the issuer where it is if need be; raises as ``fetch``."""
        url = self.jwks_url
        if url is None:
            url = check_jwks_url(discovered(self.issuer, _TIMEOUT_S), allow_http=self.allow_http)
        return fetch(url, _TIMEOUT_S)


def cognito(region: str, user_pool: str, clients: frozenset[str], roles: Mapping[str, tuple[str, Role]]) -> Provider:
    """Return the provider that an AWS Cognito user pool is.

    Its access tokens carry ``client_id`` instead of ``aud``, ``token_use``, and the groups in ``cognito:groups``.

    >>> cognito("eu-central-1", "eu-central-1_AbCd", frozenset({"app"}), {}).issuer
    'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCd'
    """
    url = f"https://cognito-idp.{region}.amazonaws.com/{user_pool}"
    return Provider(
        issuer=url,
        jwks_url=f"{url}/.well-known/jwks.json",
        clients=clients,
        client_claim="client_id",
        require=MappingProxyType({"token_use": "access"}),
        groups_claim=("cognito:groups",),
        name_claim=("username",),
        roles=roles,
    )

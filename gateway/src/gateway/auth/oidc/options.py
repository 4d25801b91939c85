"""What single sign-on is set up with."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gateway.auth.oidc.group_rules import GroupRules

START_PATH: Final = "/auth/oidc/start"
CALLBACK_PATH: Final = "/auth/oidc/callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcOptions:
    """The issuer, this system as its client, and what its users may here.

    `public_url` is the address under which browsers reach the gateway, without a slash at its end. A session lives
    `session_lifetime` at most, however often it is refreshed.
    """

    issuer: str
    client_id: str
    client_secret: str
    scopes: str
    groups_claim: str
    rules: GroupRules
    public_url: str
    label: str
    session_lifetime: timedelta

    @property
    def redirect_uri(self) -> str:
        """Where the issuer sends browsers back to; it is registered there."""
        return self.public_url + CALLBACK_PATH

    @property
    def start_url(self) -> str:
        """Where a browser begins."""
        return self.public_url + START_PATH

    @property
    def is_secure(self) -> bool:
        """Whether browsers come over TLS."""
        return self.public_url.startswith("https://")

"""What the issuer says of itself (OpenID Connect Discovery 1.0), remembered for an hour."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.auth.oidc.issuer_http import IssuerHttp, check_issuer_url
from gateway.auth.oidc.recent_failure import RecentFailure
from penstock_kit.clock import Clock
from penstock_kit.errors import BadUpstream, PenstockError

_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_FRESH_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerMetadata:
    """The addresses of an issuer, and what it can do."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    takes_basic: bool
    names_itself: bool


class Discovery:
    """Reads the description of one issuer, at most one request at a time."""

    def __init__(self, issuer: str, http: IssuerHttp, clock: Clock) -> None:
        self._issuer = issuer
        self._http = http
        self._clock = clock
        self._lock = asyncio.Lock()
        self._found: IssuerMetadata | None = None
        self._fresh_until = 0.0
        self._failure = RecentFailure(clock)

    async def metadata(self) -> IssuerMetadata:
        """Return the description. Raises Unavailable (ISSUER_UNAVAILABLE) or BadUpstream (ISSUER_RESPONSE_INVALID)."""
        async with self._lock:
            if self._found is not None and self._clock.monotonic() < self._fresh_until:
                return self._found
            self._failure.check()
            try:
                body = await self._http.get(self._issuer.rstrip("/") + _WELL_KNOWN)
                self._found = issuer_metadata(body, self._issuer)
            except PenstockError as error:
                self._failure.note(error)
                raise
            self._fresh_until = self._clock.monotonic() + _FRESH_SECONDS
            return self._found


def issuer_metadata(body: Mapping[str, Any], issuer: str) -> IssuerMetadata:
    """Return a description as a value; BadUpstream (ISSUER_RESPONSE_INVALID) when it is another issuer's or lacks
    something."""
    if body.get("issuer") != issuer:
        message = f"the issuer calls itself {str(body.get('issuer'))[:200]!r}, and PENSTOCK_OIDC_ISSUER is {issuer!r}"
        raise BadUpstream(f"{message}; both must be the same", reason="ISSUER_RESPONSE_INVALID")
    endpoints = {name: _endpoint(body, name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    methods = body.get("token_endpoint_auth_methods_supported")
    return IssuerMetadata(
        issuer=issuer,
        **endpoints,
        userinfo_endpoint=_endpoint(body, "userinfo_endpoint") if body.get("userinfo_endpoint") else "",
        # Basic is what counts where nothing is said, and what is taken where both are.
        takes_basic=not isinstance(methods, list)
        or "client_secret_basic" in methods
        or "client_secret_post" not in methods,
        names_itself=body.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(body: Mapping[str, Any], name: str) -> str:
    url = body.get(name)
    if not isinstance(url, str):
        raise BadUpstream(f"the issuer's description lacks {name}", reason="ISSUER_RESPONSE_INVALID")
    check_issuer_url(url)
    return url

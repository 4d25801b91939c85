"""A sign-in through the issuer: the authorization code flow with PKCE, from a browser and back to it."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

from gateway.auth.oidc.accounts import Admission, ExternalAccounts
from gateway.auth.oidc.claims import external_identity, groups_in
from gateway.auth.oidc.discovery import Discovery, IssuerMetadata
from gateway.auth.oidc.id_token import IdTokens
from gateway.auth.oidc.issuer_http import IssuerHttp
from gateway.auth.oidc.options import OidcOptions
from gateway.auth.oidc.sealed import SealedCookies
from gateway.auth.used_tickets import UsedTickets
from penstock_kit.errors import BadUpstream, InvalidArgument, PermissionDenied
from penstock_kit.logging import get_logger

LIFE_SECONDS: Final = 600
_KIND: Final = "sign-in"
_COOKIE: Final = "penstock-sign-in-"
_STATE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_STATE_SHOWN: Final = 8
_SHOWN: Final = re.compile(r"[A-Za-z0-9_-]{8}")
_ERROR_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LONGEST_CODE: Final = 8192
MOST_PENDING: Final = 8
"""Sign-ins that one browser may have begun and not ended: proxies take 8 KiB of a request's headers or little more."""
# Pages of ours, to which a browser is sent back.
_PAGE: Final = re.compile(r"/(c/[A-Za-z0-9_-]{1,128}|dashboard)?")

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedSignIn:
    """Where to send the browser, and the cookie it is to come back with."""

    url: str
    cookie_name: str
    cookie_value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What a browser brings back from the issuer."""

    state: str = ""
    code: str = ""
    error: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    nonce: str
    verifier: str


class SingleSignOn:
    """Begins and ends sign-ins through one issuer.

    What a sign-in is about travels in a sealed cookie of the browser that began it, so that it may end at another
    gateway; `used` lets it end once.
    """

    def __init__(
        self,
        *,
        options: OidcOptions,
        discovery: Discovery,
        http: IssuerHttp,
        id_tokens: IdTokens,
        accounts: ExternalAccounts,
        cookies: SealedCookies,
        used: UsedTickets,
    ) -> None:
        self.options = options
        self._discovery = discovery
        self._http = http
        self._id_tokens = id_tokens
        self._accounts = accounts
        self._cookies = cookies
        self._used = used

    async def start(self, return_path: str) -> StartedSignIn:
        """Return where a browser signs in, to come back to `return_path`; see :class:`Discovery` for errors."""
        metadata = await self._discovery.metadata()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        query = {
            "response_type": "code",
            "client_id": self.options.client_id,
            "redirect_uri": self.options.redirect_uri,
            "scope": self.options.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in metadata.authorization_endpoint else "?"
        pending = {"state": state, "nonce": nonce, "verifier": verifier, "page": own_page(return_path)}
        return StartedSignIn(
            url=f"{metadata.authorization_endpoint}{joint}{urlencode(query)}",
            cookie_name=self.cookie_name(state),
            cookie_value=self._cookies.seal(_KIND, pending, seconds=LIFE_SECONDS),
        )

    def cookie_name(self, state: str) -> str:
        """Return the cookie of the sign-in with `state`; of several tabs each has its own."""
        prefix = "__Host-" if self.options.is_secure else ""
        return f"{prefix}{_COOKIE}{state[:_STATE_SHOWN]}"

    def superfluous(self, cookies: Mapping[str, str]) -> Sequence[str]:
        """Return the cookies of the sign-ins that a browser began longest ago, with which one more would be too many.

        Browsers send the oldest first.
        """
        prefix = self.cookie_name("")
        begun = [name for name in cookies if name.startswith(prefix) and _SHOWN.fullmatch(name[len(prefix) :])]
        return begun[: len(begun) + 1 - MOST_PENDING] if len(begun) >= MOST_PENDING else ()

    def page_of(self, state: str, cookies: Mapping[str, str]) -> str:
        """Return the page from which the sign-in with `state` was begun, the first page where that is not known."""
        pending = self._cookies.unseal(_KIND, cookies.get(self.cookie_name(state), ""))
        return own_page(str(pending["page"])) if pending else "/"

    async def finish(self, callback: Callback, cookies: Mapping[str, str]) -> Admission:
        """Return who signed in.

        Raises InvalidArgument (SIGN_IN_INVALID) for what this browser did not begin, within ten minutes and for the
        first time; PermissionDenied for whom the issuer or the rules of groups refuse; Unauthenticated
        (ID_TOKEN_INVALID); Unavailable and BadUpstream when the issuer does not do its part.
        """
        pending = self._pending(callback.state, cookies)
        metadata = await self._discovery.metadata()
        _check_issuer(callback, metadata)
        if not await self._used.mark_used(f"sso:{callback.state}", LIFE_SECONDS):
            raise _invalid("was used before")
        if callback.error:
            raise _refused(callback.error)
        if not 0 < len(callback.code) <= _LONGEST_CODE:
            raise _invalid("has no code of the issuer's")
        claims = await self._exchange(metadata, callback.code, pending)
        return await self._accounts.admit(external_identity(claims, self.options.groups_claim))

    async def close(self) -> None:
        """Close the connections to the issuer."""
        await self._http.close()

    def _pending(self, state: str, cookies: Mapping[str, str]) -> _Pending:
        if not _STATE.fullmatch(state):
            raise _invalid("has no state of ours")
        found = self._cookies.unseal(_KIND, cookies.get(self.cookie_name(state), ""))
        if found is None or not hmac.compare_digest(str(found["state"]), state):
            raise _invalid("was not begun in this browser, or more than ten minutes ago")
        return _Pending(nonce=found["nonce"], verifier=found["verifier"])

    async def _exchange(self, metadata: IssuerMetadata, code: str, pending: _Pending) -> Mapping[str, Any]:
        """Return the claims about who signed in, for the code that the issuer gave."""
        tokens = await self._redeem(metadata, code, pending)
        id_token, access_token = tokens.get("id_token"), tokens.get("access_token", "")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise BadUpstream(
                "the issuer gave no ID token; is `openid` among the scopes?", reason="ISSUER_RESPONSE_INVALID"
            )
        claims = await self._id_tokens.verify(id_token, nonce=pending.nonce, access_token=access_token)
        if groups_in(claims, self.options.groups_claim) is not None or not (
            metadata.userinfo_endpoint and access_token
        ):
            return claims
        more = await self._http.get(metadata.userinfo_endpoint, bearer=access_token)
        if more.get("sub") != claims["sub"]:
            raise BadUpstream("the issuer's userinfo is about somebody else", reason="ISSUER_RESPONSE_INVALID")
        return {**more, **claims}

    async def _redeem(self, metadata: IssuerMetadata, code: str, pending: _Pending) -> Mapping[str, Any]:
        options = self.options
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": options.redirect_uri,
            "code_verifier": pending.verifier,
        }
        basic = None
        if options.client_secret and metadata.takes_basic:
            basic = (quote_plus(options.client_id), quote_plus(options.client_secret))
        elif options.client_secret:
            form |= {"client_id": options.client_id, "client_secret": options.client_secret}
        else:
            form["client_id"] = options.client_id
        answer = await self._http.post(metadata.token_endpoint, form, basic=basic)
        if answer.status != HTTPStatus.OK:
            raise _refused(str(answer.body.get("error", f"status {answer.status}")))
        return answer.body


def own_page(path: str) -> str:
    """Return `path` where it is that of a page of ours, else that of the first page."""
    return path if _PAGE.fullmatch(path) else "/"


def _check_issuer(callback: Callback, metadata: IssuerMetadata) -> None:
    """Raise InvalidArgument when the answer is another issuer's (RFC 9207)."""
    if callback.issuer != metadata.issuer and (callback.issuer or metadata.names_itself):
        raise _invalid("comes from another issuer")


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _refused(code: str) -> PermissionDenied:
    """Return the error for what the issuer refused; its code alone is told, for its text may be anybody's."""
    told = code if _ERROR_CODE.fullmatch(code) else "no known code"
    log.warning("the issuer refused a sign-in", code=told)
    return PermissionDenied(f"the issuer refused the sign-in ({told})", reason="SIGN_IN_DENIED")


def _invalid(what: str) -> InvalidArgument:
    return InvalidArgument(f"this sign-in {what}; begin again", reason="SIGN_IN_INVALID")

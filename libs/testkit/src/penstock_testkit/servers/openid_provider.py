"""A local OpenID Connect issuer that speaks the real wire, and says something wrong where a test wants it."""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
KEYS: dict[str, Any] = {}


def signing_key(name: str) -> Any:
    """Return the private key of that name, made once in a process: ``rsa…``, ``ec…``, ``ed…`` or ``short…``."""
    if name not in KEYS:
        if name.startswith("ec"):
            KEYS[name] = ec.generate_private_key(ec.SECP256R1())
        elif name.startswith("ed"):
            KEYS[name] = ed25519.Ed25519PrivateKey.generate()
        else:
            KEYS[name] = rsa.generate_private_key(65537, 1024 if name.startswith("short") else 2048)
    return KEYS[name]


def algorithm_of(name: str) -> str:
    """Return what the key of that name signs by."""
    return "ES256" if name.startswith("ec") else "EdDSA" if name.startswith("ed") else "RS256"


class OpenIdProvider:
    """An issuer with one client, at which whoever comes is the person of `claims`, without being asked.

    `description`, `header` and `token_claims` change what it says; a handler in `handlers` stands for a path. `asked`
    counts requests by path.
    """

    def __init__(self, *, client_id: str = "penstock", client_secret: str = "s3cret:/?&") -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.claims: dict[str, Any] = {"sub": "248289761001", "preferred_username": "jane", "groups": ["welders"]}
        self.description: dict[str, Any] = {}
        self.token_claims: dict[str, Any] = {}
        self.token_answer: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.userinfo: dict[str, Any] | None = None
        self.key = "rsa-1"
        self.published: list[str] = ["rsa-1"]
        self.sign: Callable[[dict[str, Any], dict[str, Any]], str] | None = None
        self.handlers: dict[str, Handler] = {}
        self.authorize_error: dict[str, str] = {}
        self.names_itself = True
        self.asked: dict[str, int] = {}
        self.authorizations: list[dict[str, str]] = []
        self.token_requests: list[dict[str, str]] = []
        self.authentication: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._runner: web.AppRunner | None = None
        self.issuer = ""

    async def __aenter__(self) -> "OpenIdProvider":
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.issuer = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked[request.path] = self.asked.get(request.path, 0) + 1
        known: dict[str, Handler] = {
            "/.well-known/openid-configuration": self._describe,
            "/authorize": self._authorize,
            "/token": self._token,
            "/jwks": self._keys,
            "/userinfo": self._userinfo,
        }
        handler = self.handlers.get(request.path) or known.get(request.path)
        return web.Response(status=404) if handler is None else await handler(request)

    async def _describe(self, request: web.Request) -> web.Response:
        described = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": self.names_itself,
        }
        if self.userinfo is not None:
            described["userinfo_endpoint"] = f"{self.issuer}/userinfo"
        return web.json_response({**described, **self.description})

    async def _keys(self, request: web.Request) -> web.Response:
        keys = [public_jwk(name) for name in self.published]
        return web.json_response({"keys": keys})

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        self.authorizations.append(asked)
        if (asked.get("client_id"), asked.get("response_type")) != (self.client_id, "code"):
            return web.json_response({"error": "invalid_request"}, status=400)
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        answer = {"state": asked["state"], **(self.authorize_error or {"code": code})}
        if self.names_itself:
            answer["iss"] = self.issuer
        # What other parameters issuers add.
        answer["session_state"] = "x"
        return web.Response(status=302, headers={"location": f"{asked['redirect_uri']}?{urlencode(answer)}"})

    async def _token(self, request: web.Request) -> web.Response:
        form = dict(parse_qsl(await request.text()))
        self.token_requests.append(form)
        if not self._is_client(request, form):
            return web.json_response({"error": "invalid_client"}, status=401)
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"] or not _proves(form, asked):
            return web.json_response({"error": "invalid_grant"}, status=400)
        access_token = secrets.token_urlsafe(16)
        answer = {"access_token": access_token, "token_type": "Bearer", "expires_in": 300}
        answer["id_token"] = self._id_token(asked, access_token)
        return web.json_response({**answer, **self.token_answer})

    async def _userinfo(self, request: web.Request) -> web.Response:
        return web.json_response(self.userinfo)

    def _is_client(self, request: web.Request, form: dict[str, str]) -> bool:
        header = request.headers.get("authorization", "")
        if header.startswith("Basic "):
            self.authentication.append("basic")
            name, _, secret = base64.b64decode(header[6:]).decode().partition(":")
            return (unquote_plus(name), unquote_plus(secret)) == (self.client_id, self.client_secret)
        self.authentication.append("post" if "client_secret" in form else "none")
        return (form.get("client_id"), form.get("client_secret", "")) == (self.client_id, self.client_secret)

    def _id_token(self, asked: dict[str, str], access_token: str) -> str:
        now = int(time.time())
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
            **self.claims,
            **self.token_claims,
        }
        if self.key.startswith("ed"):
            del claims["at_hash"]
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {name: value for name, value in {"kid": self.key, **self.header}.items() if value is not None}
        if self.sign is not None:
            return self.sign(header, claims)
        return jwt.encode(claims, signing_key(self.key), algorithm=algorithm_of(self.key), headers=header)


def public_jwk(name: str) -> dict[str, Any]:
    """Return the public half of the key of that name as the issuer publishes it."""
    algorithm = jwt.get_algorithm_by_name(algorithm_of(name))
    public: Any = algorithm.to_jwk(signing_key(name).public_key())  # type: ignore[attr-defined]
    return {**json.loads(public), "kid": name, "use": "sig", "alg": algorithm_of(name)}


def _proves(form: dict[str, str], asked: dict[str, str]) -> bool:
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return asked.get("code_challenge_method") == "S256" and asked.get("code_challenge") == challenge


async def never(request: web.Request) -> web.StreamResponse:
    """Take a request and answer nothing."""
    await asyncio.Event().wait()
    raise AssertionError

"""Logging in, staying in, leaving; and who you are."""

from fastapi import Depends, Request, Response
from pydantic import Field, SecretStr

from gateway.auth.guard import Guard
from gateway.auth.session import Sessions, TokenPair
from gateway.auth.users import UserService
from gateway.routes.envelope import Stopwatch
from gateway.routes.router import add, api_router
from gateway.routes.strict import RequestModel
from penstock_kit.context import current_context
from penstock_kit.errors import FailedPrecondition


class Login(RequestModel):
    """A username and its password."""

    username: str = Field(min_length=1, max_length=128)
    password: SecretStr = Field(min_length=1, max_length=1024)
    tenant_id: str = Field(default="", max_length=63, description="Only needed when the name is in several tenants.")


class Refresh(RequestModel):
    """A refresh token, to be exchanged for the next pair."""

    refresh_token: SecretStr = Field(min_length=1, max_length=1024)


class PasswordChange(RequestModel):
    """The password that is and the one that shall be."""

    current_password: SecretStr = Field(min_length=1, max_length=1024)
    new_password: SecretStr = Field(min_length=1, max_length=1024)


class LoginRoutes:
    """The routes below ``/api/v2/auth``."""

    def __init__(self, *, sessions: Sessions, users: UserService, guard: Guard, with_password: bool = True) -> None:
        self._sessions = sessions
        self._with_password = with_password
        self._users = users
        self.router = api_router("auth")
        known = [Depends(guard.needs())]
        add(self.router, "POST /api/v2/auth/login", self.login)
        add(self.router, "POST /api/v2/auth/refresh", self.refresh)
        add(self.router, "POST /api/v2/auth/logout", self.logout)
        add(self.router, "GET /api/v2/auth/me", self.who_am_i, dependencies=known)
        add(self.router, "POST /api/v2/auth/password", self.change_password, dependencies=known)

    async def login(self, request: Request, body: Login) -> Response:
        """Exchange a password for an access token and a refresh token."""
        watch = Stopwatch()
        if not self._with_password:
            message = "passwords do not count here; sign in through single sign-on, or use an API key"
            raise FailedPrecondition(message, reason="PASSWORD_LOGIN_UNSUPPORTED")
        address = request.client.host if request.client is not None else ""
        pair = await self._sessions.login(
            body.username, body.password.get_secret_value(), address=address, tenant_id=body.tenant_id
        )
        return watch.envelope(pair_data(pair))

    async def refresh(self, body: Refresh) -> Response:
        """Exchange a refresh token for the next pair. It works once; used twice, it ends the session."""
        watch = Stopwatch()
        return watch.envelope(pair_data(await self._sessions.refresh(body.refresh_token.get_secret_value())))

    async def logout(self, body: Refresh) -> Response:
        """End the session of a refresh token."""
        watch = Stopwatch()
        await self._sessions.logout(body.refresh_token.get_secret_value())
        return watch.envelope({"logged_out": True})

    async def who_am_i(self) -> Response:
        """Say whom the credentials stand for."""
        watch = Stopwatch()
        caller = current_context().caller
        return watch.envelope(
            {
                "user_id": caller.user_id,
                "tenant_id": caller.tenant_id,
                "key_id": caller.key_id or None,
                "scopes": sorted(caller.scopes),
            }
        )

    async def change_password(self, body: PasswordChange) -> Response:
        """Replace your own password."""
        watch = Stopwatch()
        await self._users.change_password(
            current_context().caller,
            current=body.current_password.get_secret_value(),
            new=body.new_password.get_secret_value(),
        )
        return watch.envelope({"changed": True})


def pair_data(pair: TokenPair) -> dict[str, object]:
    """Return what a client is told of its tokens."""
    return {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "token_type": "bearer",
        "expires_in": pair.expires_in,
    }

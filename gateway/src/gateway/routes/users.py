"""Users, for administrators; those of other tenants, for operators."""

from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import Field, SecretStr

from gateway.auth.cost_limits import CostLimits
from gateway.auth.guard import Guard
from gateway.auth.identity import User
from gateway.auth.scope import ADMIN
from gateway.auth.users import NewUserRequest, UserService
from gateway.http.json import JsonResponse
from gateway.http.names import UserName
from gateway.routes.router import add, api_router
from gateway.routes.strict import RequestModel
from penstock_kit.context import current_context

Tenant = Annotated[str, Query(max_length=63, description="Empty: your own tenant.")]


class UserCreate(RequestModel):
    """A new user."""

    username: UserName = Field(min_length=1, max_length=128, pattern=r"^[^\s:/]+$")
    password: SecretStr = Field(max_length=1024)
    scopes: list[str] = Field(default_factory=list, description="Empty: everything but administration and operation.")
    tenant_id: str = Field(default="", max_length=63, description="Empty: your own tenant.")


class UserRoutes:
    """The routes below ``/api/v1/users``."""

    def __init__(self, *, users: UserService, limits: CostLimits, guard: Guard) -> None:
        self._users = users
        self._limits = limits
        self.router = api_router("users", guard.needs(ADMIN))
        add(self.router, "POST /api/v1/users", self.create_user, status_code=201)
        add(self.router, "GET /api/v1/users", self.list_users)
        add(self.router, "DELETE /api/v1/users/{user_id}", self.delete_user, status_code=204)

    async def create_user(self, body: UserCreate) -> Response:
        """Make a user. Operators may name another tenant."""
        request = NewUserRequest(
            username=body.username,
            password=body.password.get_secret_value(),
            scopes=frozenset(body.scopes),
            tenant_id=body.tenant_id,
        )
        return JsonResponse(_user(await self._users.create(current_context().caller, request)), 201)

    async def list_users(self, tenant_id: Tenant = "") -> Response:
        """List the users of your tenant; an operator may name another."""
        users = await self._users.list_users(current_context().caller, tenant_id)
        return JsonResponse({"users": [_user(user) for user in users]})

    async def delete_user(self, user_id: str) -> Response:
        """Delete a user with all keys and sessions; not one who may do more than you."""
        user, key_ids = await self._users.delete(current_context().caller, user_id)
        await self._limits.forget_user(user, key_ids)
        return Response(status_code=204)


def _user(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "username": user.username,
        "tenant_id": user.tenant_id,
        "scopes": sorted(user.scopes),
        "active": user.active,
        "create_time": user.create_time,
    }

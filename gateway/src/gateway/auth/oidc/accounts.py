"""The users behind the identities of an issuer: made at the first sign-in, and given what their groups give at each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from gateway.auth.authenticator import Authenticator
from gateway.auth.identity import ExternalIdentity, User
from gateway.auth.oidc.account_store import ExternalAccountStore
from gateway.auth.oidc.group_rules import Grant, GroupRules
from gateway.auth.oidc.username import free_names
from gateway.auth.store import IdentityStore
from gateway.auth.users import require_room
from penstock_kit.clock import Clock
from penstock_kit.errors import Aborted, PermissionDenied
from penstock_kit.ids import new_id

_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A user who may come in, and whether that made the user or changed what the user may."""

    user: User
    change: Literal["", "create", "update"] = ""


class GroupDenied(PermissionDenied):
    """Somebody who is in no group that a rule names; `user` is who it was here before, if anybody."""

    def __init__(self, user: User | None) -> None:
        message = (
            "the issuer knows you, but you are in none of the groups that may use this system; "
            "let its operator or your administrator put you into one, and sign in again"
        )
        super().__init__(message, reason="GROUP_REQUIRED")
        self.user = user


class ExternalAccounts:
    """Finds, makes and changes the user of an identity.

    An identity is its issuer and subject. No name and no e-mail address ever leads to a user that is there already.
    """

    def __init__(
        self,
        *,
        accounts: ExternalAccountStore,
        store: IdentityStore,
        rules: GroupRules,
        authenticator: Authenticator,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._store = store
        self._rules = rules
        self._authenticator = authenticator
        self._clock = clock

    async def admit(self, identity: ExternalIdentity) -> Admission:
        """Return the user of `identity` with what its groups give.

        Raises PermissionDenied: GROUP_REQUIRED for somebody in no group of the rules, from whom everything is taken,
        SIGN_IN_DENIED for one who was switched off here. Raises ResourceExhausted (USERS_LIMIT_EXCEEDED) for somebody
        new where the tenant is full; who moves there from another one may.
        """
        grant = self._rules.grant(identity.groups)
        user = await self._accounts.user(identity)
        if grant is None:
            await self._withdraw(user)
            raise GroupDenied(user)
        if user is None:
            return await self._create(identity, grant)
        if not user.active:
            raise PermissionDenied("this user is switched off; ask your administrator", reason="SIGN_IN_DENIED")
        if user.tenant_id != grant.tenant_id:
            return await self._move(identity, user, grant)
        if user.scopes == grant.scopes:
            return Admission(user=user)
        await self._accounts.set_scopes(user.id, grant.scopes)
        self._authenticator.forget()
        return Admission(user=replace(user, scopes=grant.scopes), change="update")

    async def _create(self, identity: ExternalIdentity, grant: Grant) -> Admission:
        for _ in range(_ATTEMPTS):
            user = User(
                id=new_id("user"),
                tenant_id=grant.tenant_id,
                username=_free_name(identity, require_room(await self._store.users(grant.tenant_id))),
                password_hash="",
                scopes=grant.scopes,
                active=True,
                create_time=self._clock.now(),
            )
            if await self._accounts.add(identity, user):
                return Admission(user=user, change="create")
            # The name was taken by another one, or the user made by another sign-in, a moment ago.
            if (made := await self._accounts.user(identity)) is not None:
                return Admission(user=made)
        raise _conflict()

    async def _move(self, identity: ExternalIdentity, user: User, grant: Grant) -> Admission:
        for _ in range(_ATTEMPTS):
            name = _free_name(identity, await self._store.users(grant.tenant_id))
            if await self._accounts.move(user.id, name, grant):
                self._authenticator.forget()
                moved = await self._accounts.user(identity)
                if moved is not None:
                    return Admission(user=moved, change="update")
        raise _conflict()

    async def _withdraw(self, user: User | None) -> None:
        if user is not None and user.scopes:
            await self._accounts.withdraw(user.id)
            self._authenticator.forget()


def user_details(user: User) -> Mapping[str, str]:
    """Return what the audit log tells of a user."""
    return {"username": user.username, "scopes": " ".join(sorted(user.scopes)), "tenant_id": user.tenant_id}


def _free_name(identity: ExternalIdentity, users: Sequence[User]) -> str:
    name = next(free_names(identity, [user.username for user in users]), "")
    if not name:
        raise _conflict()
    return name


def _conflict() -> Aborted:
    message = "a name for the new user could not be found, for others took them meanwhile; sign in again"
    return Aborted(message, reason="USER_CONFLICT")

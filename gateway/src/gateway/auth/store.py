"""The port behind which identities are kept."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol

from gateway.auth.identity import ApiKey, RefreshToken, User
from penstock_kit.context import DEFAULT_TENANT


class IdentityStore(Protocol):
    """Users, API keys and refresh tokens. What does not exist is None, never an error."""

    async def count_users(self) -> int:
        """Return how many users there are."""
        ...

    async def add_administrator(self, user: User, key: ApiKey) -> bool:
        """Store the first user and its key, both or neither; False when the name is taken."""
        ...

    async def add_user(self, user: User, *, is_taken: Callable[[User], bool] | None = None) -> bool:
        """Store `user`; False when its name is taken in its tenant, or by one of its users that `is_taken` finds: no
        other user of the tenant is stored between that look and the storing, at whatever gateway."""
        ...

    async def user(self, user_id: str) -> User | None:
        """Return the user with this id."""
        ...

    async def user_by_name(self, username: str, *, tenant_id: str = DEFAULT_TENANT) -> User | None:
        """Return the user of this name in a tenant."""
        ...

    async def users_by_name(
        self, username: str, *, tenant_id: str = "", active_only: bool = False, limit: int = 8
    ) -> Sequence[User]:
        """Return the users of this name, of one tenant or of all; the oldest first."""
        ...

    async def users(self, tenant_id: str) -> Sequence[User]:
        """Return a tenant's users by name."""
        ...

    async def users_by_id(self, user_ids: Sequence[str]) -> Sequence[User]:
        """Return those of the users that exist, of any tenant."""
        ...

    async def set_password(self, user_id: str, password_hash: str, *, replaces: str | None = None) -> bool:
        """Replace the hash of a user's password and end the user's sessions: the next epoch begins, refresh tokens
        are deleted. With `replaces`, only when that is the hash so far; False when nothing was replaced."""
        ...

    async def renew_hash(self, user_id: str, password_hash: str, *, replaces: str) -> bool:
        """Replace the hash of a user by another of the same password, which ends no session; False when it is
        `replaces` no more."""
        ...

    async def delete_user(self, tenant_id: str, user_id: str) -> bool:
        """Delete a tenant's user with all keys and tokens; False when there is none."""
        ...

    async def add_key(self, key: ApiKey, *, most: int | None = None, most_of_user: int | None = None) -> bool:
        """Store `key`; False when its tenant has `most` keys already, or its user `most_of_user`."""
        ...

    async def key_by_prefix(self, prefix: str) -> ApiKey | None:
        """Return the key that begins so."""
        ...

    async def key(self, tenant_id: str, key_id: str) -> ApiKey | None:
        """Return a tenant's key."""
        ...

    async def keys_by_id(self, key_ids: Sequence[str]) -> Sequence[ApiKey]:
        """Return those of the keys that exist, of any tenant."""
        ...

    async def keys(self, tenant_id: str, user_id: str = "") -> Sequence[ApiKey]:
        """Return a tenant's keys, newest first; only a user's when `user_id` is given."""
        ...

    async def replace_secret(self, key: ApiKey, *, replaces: str) -> bool:
        """Store the secrets of a rotated key; False when its digest is no longer `replaces`, or it is gone."""
        ...

    async def delete_key(self, tenant_id: str, key_id: str) -> bool:
        """Delete a tenant's key; False when there is none."""
        ...

    async def add_token(self, token: RefreshToken) -> None:
        """Store `token`."""
        ...

    async def token(self, digest: str) -> RefreshToken | None:
        """Return the refresh token with this digest, used or not."""
        ...

    async def replace_token(self, digest: str, following: RefreshToken) -> bool:
        """Mark a token used and store the one that follows, in one transaction; False when it was used or is gone."""
        ...

    async def count_family(self, family_id: str) -> int:
        """Return how many tokens a family has, used or not."""
        ...

    async def sessions_by_id(self, family_ids: Sequence[str]) -> Collection[str]:
        """Return those of the families that have a token, used or not: the sessions that have not ended."""
        ...

    async def end_sessions_beyond(self, most: int, user_id: str) -> int:
        """Delete a user's families but for the `most` that were refreshed last; return how many tokens went."""
        ...

    async def revoke_family(self, family_id: str) -> None:
        """Delete every token of a family."""
        ...

    async def drop_expired(self, now: datetime) -> int:
        """Delete the tokens that ended before `now`; return how many."""
        ...

"""Users, API keys and refresh tokens as values."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who may log in. `password_hash` is argon2id; an empty one can't log in.

    `session_epoch` counts the changes of the password: tokens of an earlier epoch no longer count.
    """

    id: str
    tenant_id: str
    username: str
    password_hash: str
    scopes: frozenset[str]
    active: bool
    create_time: datetime
    session_epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is stored: `digest` is the SHA-256 of the whole key, which itself is nowhere.

    After a rotation `previous_digest` counts too, until `previous_expire_time`.
    """

    id: str
    tenant_id: str
    user_id: str
    name: str
    prefix: str
    digest: str
    scopes: frozenset[str]
    create_time: datetime
    expire_time: datetime | None = None
    previous_digest: str = ""
    previous_expire_time: datetime | None = None

    def expired(self, now: datetime) -> bool:
        """Whether the key no longer counts at `now`."""
        return self.expire_time is not None and self.expire_time <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """One link of a chain of refresh tokens: each is used once and replaced by the next of its family."""

    digest: str
    family_id: str
    user_id: str
    create_time: datetime
    expire_time: datetime
    used: bool = False
    session_epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalIdentity:
    """Somebody as an issuer of single sign-on knows them: `subject` is theirs for ever there, the `names` are not.

    `names` are what they may be called here, the best first; `groups` are those they are in now.
    """

    issuer: str
    subject: str
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

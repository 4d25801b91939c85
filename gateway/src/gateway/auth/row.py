"""Rows of the identity tables ⇄ values."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gateway.auth.identity import ApiKey, RefreshToken, User

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(moment: datetime | None) -> int | None:
    """Return `moment` as microseconds since the Unix epoch."""
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


def moment(value: int | None) -> datetime | None:
    """Return microseconds since the Unix epoch as a UTC time."""
    return None if value is None else _EPOCH + timedelta(microseconds=value)


def user_to_row(user: User) -> dict[str, Any]:
    """Return the columns of `user`."""
    return {
        "id": user.id,
        "tenant_id": user.tenant_id,
        "username": user.username,
        "password_hash": user.password_hash,
        "scopes": ",".join(sorted(user.scopes)),
        "active": user.active,
        "create_time": micros(user.create_time),
        "session_epoch": user.session_epoch,
    }


def user_from_row(row: Mapping[str, Any]) -> User:
    """Return the user in `row`."""
    return User(
        id=row["id"],
        tenant_id=row["tenant_id"],
        username=row["username"],
        password_hash=row["password_hash"],
        scopes=_scopes(row["scopes"]),
        active=bool(row["active"]),
        create_time=_required(row["create_time"]),
        session_epoch=row["session_epoch"],
    )


def key_to_row(key: ApiKey) -> dict[str, Any]:
    """Return the columns of `key`."""
    return {
        "id": key.id,
        "tenant_id": key.tenant_id,
        "user_id": key.user_id,
        "name": key.name,
        "prefix": key.prefix,
        "digest": key.digest,
        "previous_digest": key.previous_digest,
        "previous_expire_time": micros(key.previous_expire_time),
        "scopes": ",".join(sorted(key.scopes)),
        "create_time": micros(key.create_time),
        "expire_time": micros(key.expire_time),
    }


def key_from_row(row: Mapping[str, Any]) -> ApiKey:
    """Return the API key in `row`."""
    return ApiKey(
        id=row["id"],
        tenant_id=row["tenant_id"],
        user_id=row["user_id"],
        name=row["name"],
        prefix=row["prefix"],
        digest=row["digest"],
        previous_digest=row["previous_digest"],
        previous_expire_time=moment(row["previous_expire_time"]),
        scopes=_scopes(row["scopes"]),
        create_time=_required(row["create_time"]),
        expire_time=moment(row["expire_time"]),
    )


def token_to_row(token: RefreshToken) -> dict[str, Any]:
    """Return the columns of `token`."""
    return {
        "digest": token.digest,
        "family_id": token.family_id,
        "user_id": token.user_id,
        "create_time": micros(token.create_time),
        "expire_time": micros(token.expire_time),
        "used": token.used,
        "session_epoch": token.session_epoch,
    }


def token_from_row(row: Mapping[str, Any]) -> RefreshToken:
    """Return the refresh token in `row`."""
    return RefreshToken(
        digest=row["digest"],
        family_id=row["family_id"],
        user_id=row["user_id"],
        create_time=_required(row["create_time"]),
        expire_time=_required(row["expire_time"]),
        used=bool(row["used"]),
        session_epoch=row["session_epoch"],
    )


def _required(value: int) -> datetime:
    return _EPOCH + timedelta(microseconds=value)


def _scopes(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.split(",")))

"""The first start: an administrator, a key, a signing secret, each in a file that only the owner reads."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.auth.identity import ApiKey, User
from gateway.auth.password import Passwords
from gateway.auth.password_policy import weakness
from gateway.auth.scope import ALL_SCOPES
from gateway.auth.secret import KEY_MARK, NewKey, key_from_text, new_key
from gateway.auth.store import IdentityStore
from penstock_kit.clock import Clock
from penstock_kit.context import DEFAULT_TENANT
from penstock_kit.errors import FailedPrecondition
from penstock_kit.ids import new_id
from penstock_kit.logging import get_logger

ADMIN: Final = "admin"
PASSWORD_FILE: Final = "admin.password"  # noqa: S105 - a file name
KEY_FILE: Final = "admin.key"
FIRST_KEY: Final = "first start"
SECRET_FILE: Final = "jwt.secret"  # noqa: S105 - a file name
_MIN_KEY_LENGTH: Final = 40

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAdmin:
    """What the operator chose for the first administrator; empty fields are drawn at random."""

    password: str = ""
    key: str = ""


async def ensure_admin(
    *, store: IdentityStore, passwords: Passwords, clock: Clock, home: Path, chosen: FirstAdmin
) -> bool:
    """Make the user ``admin`` with a password and an API key when there is no user yet; return whether it was.

    Both secrets are written to `home` (mode 0600) before they are stored, so that a crash in between
    leaves no administrator whom nobody can be. Raises FailedPrecondition for a chosen key or password that is weak.
    """
    if await store.count_users() > 0:
        return False
    password = _chosen_password(chosen.password) if chosen.password else secrets.token_urlsafe(18)
    key = _chosen_key(chosen.key) if chosen.key else new_key()
    write_private(home / PASSWORD_FILE, password)
    write_private(home / KEY_FILE, key.text)
    user = User(
        id=new_id("user"),
        tenant_id=DEFAULT_TENANT,
        username=ADMIN,
        password_hash=await passwords.hash(password),
        scopes=ALL_SCOPES,
        active=True,
        create_time=clock.now(),
    )
    if not await store.add_user(user):
        return False
    await store.add_key(_admin_key(user, key))
    log.info("made the first administrator", username=ADMIN, files_in=str(home))
    return True


def signing_secret(home: Path, configured: str) -> str:
    """Return the configured signing secret, else the one in `home`, made at the first start."""
    if configured:
        return configured
    path = home / SECRET_FILE
    if not path.exists():
        write_private(path, secrets.token_urlsafe(48))
    return path.read_text("utf-8").strip()


def write_private(path: Path, text: str) -> None:
    """Write one line to `path`, readable by the owner alone from its first moment, replacing it whole."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        temporary.replace(path)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}; make its folder writable or set PENSTOCK_HOME"
        raise FailedPrecondition(message, reason="HOME_UNWRITABLE", metadata={"path": str(path)}) from None


def _chosen_password(text: str) -> str:
    why = weakness(text, username=ADMIN)
    if why:
        raise FailedPrecondition(f"PENSTOCK_ADMIN_PASSWORD {why}", reason="ADMIN_PASSWORD_WEAK")
    return text


def _chosen_key(text: str) -> NewKey:
    if not text.startswith(KEY_MARK) or len(text) < _MIN_KEY_LENGTH:
        message = f"PENSTOCK_ADMIN_KEY must begin with {KEY_MARK} and have at least {_MIN_KEY_LENGTH} characters"
        raise FailedPrecondition(message, reason="ADMIN_KEY_WEAK")
    return key_from_text(text)


def _admin_key(user: User, key: NewKey) -> ApiKey:
    return ApiKey(
        id=new_id("key"),
        tenant_id=user.tenant_id,
        user_id=user.id,
        name=FIRST_KEY,
        prefix=key.prefix,
        digest=key.digest,
        scopes=ALL_SCOPES,
        create_time=user.create_time,
    )

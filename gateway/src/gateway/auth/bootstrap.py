"""The first start: an administrator, a key, a signing secret, each in a file that only the owner reads."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.auth.admin_files import AdminFiles
from gateway.auth.identity import ApiKey, User
from gateway.auth.password import Passwords
from gateway.auth.password_policy import weakness
from gateway.auth.scope import ALL_SCOPES
from gateway.auth.secret import KEY_MARK, NewKey, digest, key_from_text, key_prefix, new_key
from gateway.auth.store import IdentityStore
from penstock_kit.clock import Clock
from penstock_kit.context import DEFAULT_TENANT
from penstock_kit.errors import FailedPrecondition
from penstock_kit.ids import new_id
from penstock_kit.installation import make_secret
from penstock_kit.logging import get_logger

ADMIN: Final = "admin"
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
    *,
    store: IdentityStore,
    passwords: Passwords,
    clock: Clock,
    home: Path,
    chosen: FirstAdmin,
    shared: bool = False,
) -> bool:
    """Make the user ``admin`` with a password and an API key when there is no user yet; return whether it was.

    Several gateways may try at once on one database, which decides: one user is made, the files of the others say that
    it was not here. Secrets are kept beside the files (mode 0600) before they are stored, so that a crash in between
    leaves no administrator whom nobody can be. `shared` says that the database may have other gateways.
    Raises FailedPrecondition for a chosen key or password that is weak.
    """
    files = AdminFiles(home)
    if await store.count_users() > 0:
        await _finish_files(store, files, new=shared and not files.are_there)
        return False
    password = _chosen_password(chosen.password) if chosen.password else secrets.token_urlsafe(18)
    key = _chosen_key(chosen.key) if chosen.key else new_key()
    user = build_admin(await passwords.hash(password), clock)
    files.draft(user.id, password=password, key=key.text)
    if not await store.add_administrator(user, build_key(user, key, clock)):
        files.discard(user.id)
        await _write_what_counts(store, passwords, files, chosen)
        return False
    files.publish(user.id)
    log.info("made the first administrator", username=ADMIN, files_in=str(home))
    return True


async def _finish_files(store: IdentityStore, files: AdminFiles, *, new: bool) -> None:
    """Finish what a crash interrupted; say in a `new` home where the administrator was made."""
    user = await store.user_by_name(ADMIN) if files.have_drafts else None
    if user is not None and files.publish(user.id):
        log.info("finished the files of the first administrator")
    elif new:
        files.point_elsewhere()


async def _write_what_counts(store: IdentityStore, passwords: Passwords, files: AdminFiles, chosen: FirstAdmin) -> None:
    """Leave in the files what counts although another gateway made the administrator: what all were told to choose."""
    log.info("another gateway made the first administrator", username=ADMIN)
    user = await store.user_by_name(ADMIN)
    given = await store.key_by_prefix(key_prefix(chosen.key)) if chosen.key else None
    same_key = given is not None and given.digest == digest(chosen.key)
    same_password = user is not None and bool(chosen.password)
    same_password = same_password and await passwords.verify(chosen.password, user.password_hash if user else "")
    if same_key or same_password:
        files.write(password=chosen.password if same_password else "", key=chosen.key if same_key else "")
        return
    kept = files.key()
    if kept and await store.key_by_prefix(key_prefix(kept)) is None:  # of another database
        files.write()
    files.point_elsewhere()


def signing_secret(home: Path, configured: str) -> str:
    """Return the configured signing secret, else the one in `home`, made at the first start."""
    if configured:
        return configured
    path = home / SECRET_FILE
    try:
        if not path.exists():
            make_secret(path)  # gateways that start at once on one home all take the one that was first
        return path.read_text("utf-8").strip()
    except OSError as error:
        message = f"cannot make or read {path}: {error.strerror}; make its folder writable or set PENSTOCK_HOME"
        raise FailedPrecondition(message, reason="HOME_INVALID", metadata={"path": str(path)}) from None


def _chosen_password(text: str) -> str:
    why = weakness(text, username=ADMIN)
    if why:
        raise FailedPrecondition(f"PENSTOCK_ADMIN_PASSWORD {why}", reason="ADMIN_PASSWORD_INVALID")
    return text


def _chosen_key(text: str) -> NewKey:
    if not text.startswith(KEY_MARK) or len(text) < _MIN_KEY_LENGTH:
        message = f"PENSTOCK_ADMIN_KEY must begin with {KEY_MARK} and have at least {_MIN_KEY_LENGTH} characters"
        raise FailedPrecondition(message, reason="ADMIN_KEY_INVALID")
    return key_from_text(text)


def build_admin(password_hash: str, clock: Clock) -> User:
    """Return a new user ``admin``, who may do everything."""
    return User(
        id=new_id("user"),
        tenant_id=DEFAULT_TENANT,
        username=ADMIN,
        password_hash=password_hash,
        scopes=ALL_SCOPES,
        active=True,
        create_time=clock.now(),
    )


def build_key(user: User, key: NewKey, clock: Clock) -> ApiKey:
    """Return the record of a key with which `user` may do all that the user may."""
    return ApiKey(
        id=new_id("key"),
        tenant_id=user.tenant_id,
        user_id=user.id,
        name=FIRST_KEY,
        prefix=key.prefix,
        digest=key.digest,
        scopes=user.scopes,
        create_time=clock.now(),
    )

"""The secret of an installation: what one of its services shows another, so that nobody else is taken for one.

Identity travels as plain metadata (`x-penstock-user` …). Whoever reaches the port of a service could claim to be any
user; with a secret, a service believes only callers that carry it too.
"""

import contextlib
import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from penstock_kit.errors import FailedPrecondition
from penstock_kit.plain_file import read_plain_file

if TYPE_CHECKING:
    from penstock_kit.settings import ServiceSettings

SECRET_FILE: Final = "service.secret"  # noqa: S105 - a file name
MIN_SECRET_LENGTH: Final = 32
_LARGEST_FILE: Final = 64 * 1024
_WAIT_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1


async def installation_secret(settings: "ServiceSettings") -> str:
    """Return PENSTOCK_SERVICE_SECRET, else what PENSTOCK_SERVICE_SECRET_FILE holds, else nothing.

    A file that is not there is made when its folder can be written; else another service makes it, and is waited for.
    Raises FailedPrecondition (SERVICE_SECRET_INVALID) for one that does not come, can't be read or is too weak.
    """
    import asyncio  # not for the supervisor, which stays in memory and has no loop

    secret = settings.service_secret.get_secret_value()
    path = settings.service_secret_file
    if secret or path is None:
        return secret
    end = time.monotonic() + _WAIT_SECONDS
    while not path.exists() and not _made(path):
        if time.monotonic() > end:
            raise _invalid(path, "is not there, and its folder can't be written; make it, with 32 random characters")
        await asyncio.sleep(_POLL_SECONDS)
    return read_secret(path)


def ensure_secret(path: Path) -> str:
    """Return the secret that the file holds; make it, readable by its owner alone, when it is not there."""
    if not path.exists():
        make_secret(path)
    return read_secret(path)


def make_secret(path: Path) -> None:
    """Write a new secret to `path`, whole or not at all; one that somebody wrote meanwhile stays. Raises OSError."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def read_secret(path: Path) -> str:
    """Return the secret that the file holds. Raises FailedPrecondition (SERVICE_SECRET_INVALID)."""
    try:
        text = read_plain_file(path, most=_LARGEST_FILE).decode().strip()
    except (OSError, ValueError) as error:
        raise _invalid(path, f"can't be read: {getattr(error, 'strerror', None) or error}") from None
    weakness = secret_weakness(text)
    if weakness:
        raise _invalid(path, weakness)
    return text


def secret_weakness(text: str) -> str:
    """Return what is wrong with a secret, empty when nothing is."""
    if len(text) < MIN_SECRET_LENGTH:
        return f"has {len(text)} characters; it needs at least {MIN_SECRET_LENGTH} random ones"
    if not text.isascii() or not text.isprintable() or " " in text:
        return "must consist of ASCII letters, digits and signs, without spaces"
    return ""


def _made(path: Path) -> bool:
    """Make the file; False where its folder can't be written."""
    try:
        make_secret(path)
    except OSError:
        return False
    return True


def _invalid(path: Path, what: str) -> FailedPrecondition:
    message = f"{path} (PENSTOCK_SERVICE_SECRET_FILE) {what}"
    return FailedPrecondition(message, reason="SERVICE_SECRET_INVALID", metadata={"path": str(path)})

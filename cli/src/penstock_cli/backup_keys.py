"""The keys that a backup needs: what is in it was stored under them, and they may not be in it."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from penstock_cli.failure import CommandFailed
from penstock_cli.settings import CliSettings

_SECRET_FILE: Final = "jwt.secret"  # noqa: S105 - a file name
_SETTING: Final = "JWT_SECRET"
_PREVIOUS: Final = "JWT_PREVIOUS_SECRET"


def needed_keys(settings: CliSettings) -> dict[str, str]:
    """Return the settings that hold keys which the backup does not, with the mark of each key."""
    secret = _setting(settings, _SETTING)
    return {_SETTING: key_mark(secret)} if secret else {}


def require_keys(settings: CliSettings, needed: Mapping[str, str], folder: Path) -> None:
    """Raise CommandFailed when a key that the backup needs is not there, neither in the settings nor in it."""
    there = {key_mark(secret) for secret in _secrets(settings, folder)}
    missing = [name for name, mark in needed.items() if mark not in there]
    if missing:
        name = missing[0]
        what = "the addresses of notification channels can't be read without it, and every session ends"
        message = f"the backup was made under a {name} (mark {needed[name]}) that is not set here: {what}"
        raise CommandFailed(f"{message}. Set {name} to it (or {_PREVIOUS}), or say --without-keys; nothing was changed")


def key_mark(secret: str) -> str:
    """Return what tells one secret from another, and nothing of either."""
    return hashlib.blake2b(b"penstock backup", key=secret.encode()[:64], digest_size=6).hexdigest()


def _secrets(settings: CliSettings, folder: Path) -> Sequence[str]:
    named = [secret for name in (_SETTING, _PREVIOUS) if (secret := _setting(settings, name))]
    file = folder / _SECRET_FILE
    # A secret that is set counts in place of the file.
    return named if named or not file.is_file() or file.is_symlink() else [file.read_text().strip()]


def _setting(settings: CliSettings, name: str) -> str:
    """Return a secret from the environment, or from the file that NAME_FILE names."""
    text = settings.text(name)
    file = settings.text(f"{name}_FILE")
    try:
        return text or (Path(file).read_text().removesuffix("\n") if file else "")
    except OSError as error:
        raise CommandFailed(f"{name}_FILE can't be read: {error.strerror or error}") from None

"""The files that hold an administrator's password and API key, or say where they are."""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

from gateway.auth.secret import KEY_MARK
from penstock_kit.errors import FailedPrecondition

PASSWORD_FILE: Final = "admin.password"  # noqa: S105 - a file name
KEY_FILE: Final = "admin.key"
_ELSEWHERE: Final = (
    "The administrator of this database was made by another gateway: its PENSTOCK_HOME holds this file. "
    "`penstock admin reset` makes a new password and key here."
)
_CHANGED: Final = (
    "The password that was here was changed: whoever changed it knows the new one. "
    "`penstock admin reset` makes a new password and key here."
)


class AdminFiles:
    """The two files in a home. Drafts bear the user's id, so that gateways that share a home do not mix theirs up."""

    def __init__(self, home: Path) -> None:
        self._home = home

    @property
    def are_there(self) -> bool:
        """Whether one of the files is there."""
        return any((self._home / name).exists() for name in (PASSWORD_FILE, KEY_FILE))

    def key(self) -> str:
        """Return the API key that the file holds, empty when there is none in it."""
        try:
            text = (self._home / KEY_FILE).read_text("utf-8").strip()
        except (OSError, ValueError):
            return ""
        return text if text.startswith(KEY_MARK) else ""

    def withdraw(self, password: str) -> bool:
        """Where the file holds `password`, which counts no more, say so in its place; return whether it did."""
        try:
            held = (self._home / PASSWORD_FILE).read_text("utf-8").strip()
        except (OSError, ValueError):
            return False
        if held != password.strip():
            return False
        write_private(self._home / PASSWORD_FILE, _CHANGED)
        return True

    def draft(self, user_id: str, *, password: str, key: str) -> None:
        """Keep both secrets beside the files until it is certain that they count."""
        for name, text in ((PASSWORD_FILE, password), (KEY_FILE, key)):
            write_private(self._draft(name, user_id), text)

    def publish(self, user_id: str) -> bool:
        """Make the drafts of the user the files; return whether there were any."""
        found = False
        for name in (PASSWORD_FILE, KEY_FILE):
            with contextlib.suppress(FileNotFoundError):  # never written, or published by a gateway of the same home
                self._draft(name, user_id).replace(self._home / name)
                found = True
        return found

    def discard(self, user_id: str) -> None:
        """Delete the drafts of the user."""
        for name in (PASSWORD_FILE, KEY_FILE):
            self._draft(name, user_id).unlink(missing_ok=True)

    @property
    def have_drafts(self) -> bool:
        """Whether somebody's drafts are there."""
        return any(self._home.glob(f".{KEY_FILE}.user*"))

    def point_elsewhere(self) -> None:
        """Where there is no file, leave one that says where to look; one that is there stays."""
        for name in (PASSWORD_FILE, KEY_FILE):
            draft = self._draft(name, secrets.token_hex(4))
            write_private(draft, _ELSEWHERE)
            with contextlib.suppress(FileExistsError):
                os.link(draft, self._home / name)
            draft.unlink()

    def write(self, *, password: str = "", key: str = "") -> None:
        """Replace the files by what counts; what is empty is said to be elsewhere."""
        write_private(self._home / PASSWORD_FILE, password or _ELSEWHERE)
        write_private(self._home / KEY_FILE, key or _ELSEWHERE)

    def _draft(self, name: str, user_id: str) -> Path:
        return self._home / f".{name}.{user_id}"


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
        raise FailedPrecondition(message, reason="HOME_INVALID", metadata={"path": str(path)}) from None

"""The note in a home of a command that replaces its files: a kill in between must not pass for a home."""

import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from penstock_cli.command_name import command_name
from penstock_cli.failure import CommandFailed
from penstock_kit.home import UNFINISHED, unfinished_command
from penstock_kit.plain_file import read_plain_file

_LARGEST: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """What a command does to a home: `command` makes it whole again, the folder `kept` has what was `there`."""

    command: str
    kept: str
    there: Sequence[str]

    @classmethod
    def read(cls, home: Path) -> Self | None:
        """Return what was broken off on this home, None when it is whole."""
        try:
            command, _, rest = read_plain_file(home / UNFINISHED, most=_LARGEST).decode().partition("\n")
            found: dict[str, Any] = json.loads(rest)
            return cls(command=command, kept=str(found["kept"]), there=[str(name) for name in found["there"]])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            raise CommandFailed(
                f"{home / UNFINISHED} can't be read: put right what is in {home}, and delete it"
            ) from None

    def begin(self, home: Path) -> None:
        """Write it down, before anything is replaced."""
        text = f"{self.command}\n{json.dumps({'kept': self.kept, 'there': list(self.there)})}\n"
        draft = home / f"{UNFINISHED}.new"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(home / UNFINISHED)


def end(home: Path) -> None:
    """Forget it: the home is whole."""
    with contextlib.suppress(FileNotFoundError):
        (home / UNFINISHED).unlink()


def require_whole(home: Path, *, but_for: str = "") -> None:
    """Raise CommandFailed, with the next step, when a command was broken off while it replaced what is in the home.

    One that begins with `but_for` is about to be run again.
    """
    command = unfinished_command(home)
    if command and not (but_for and command.startswith(but_for)):
        found = Unfinished.read(home)
        kept = f"; what was there is in {home / found.kept}" if found is not None else ""
        message = (
            f"`{command_name()} {command}` was broken off on {home}, which is in part the old one and in part the new"
        )
        raise CommandFailed(f"{message}: run it again{kept}")

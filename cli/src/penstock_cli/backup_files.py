"""Which files of a home are in a backup, and what a backup may hold: a folder that others may have had in hand."""

import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final

from penstock_cli.failure import CommandFailed
from penstock_cli.supervisor.state import LOCK_FILE, LOG_FILE, STATE_FILE

MANIFEST: Final = "backup.json"
TELEMETRY: Final = "telemetry.duckdb"
BEFORE: Final = "before-"
DRAFT_ENDING: Final = ".partial"
# What belongs to a running system and not to its state.
_LEFT_OUT: Final = (LOCK_FILE, LOG_FILE, STATE_FILE, f"{STATE_FILE}.new", "tmp", MANIFEST)
_LEFT_OUT_BEGINNINGS: Final = (".", BEFORE, LOG_FILE)
_LEFT_OUT_ENDINGS: Final = (".db-wal", ".db-shm", ".db-journal")
_COPIED_APART: Final = (TELEMETRY, f"{TELEMETRY}.wal")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def state_files(home: Path, told: list[str]) -> Iterator[Path]:
    """Yield the files of the home that are its state, in order, those behind links to folders too.

    Telemetry is left out: it is copied apart. Says in `told` which folders are backups themselves. Raises
    CommandFailed naming what can't be read, leads in a circle, or has a name that no restore takes.
    """
    for name in sorted(_walk(home, home, told)):
        if name.startswith(TELEMETRY):
            continue
        if not name.isprintable():
            raise CommandFailed(f"{home} has a file with signs that no restore takes in its name: {name!r}; rename it")
        yield home / name


def _walk(home: Path, folder: Path, told: list[str], within: tuple[str, ...] = ()) -> Iterator[str]:
    real = os.path.realpath(folder)
    if real in within:
        raise CommandFailed(f"{folder} is a link to a folder that it is in: delete it")
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise CommandFailed(f"{folder} can't be read: {error.strerror or error}") from None
    for path in entries:
        name = path.relative_to(home).as_posix()
        if not _is_state(name) or path.name.endswith(DRAFT_ENDING):
            continue
        if path.is_dir() and is_backup(path):
            told.append(f"{path} is a backup itself: it is not in this one")
        elif path.is_dir():
            yield from _walk(home, path, told, (*within, real))
        elif path.is_file():
            yield name
        elif path.is_symlink() and not path.exists():
            raise CommandFailed(f"{path} is a link to what is not there: delete it, or bring that back")


def _is_state(name: str) -> bool:
    """Return whether the file or folder, relative to its home, is a part of the home's state."""
    top = PurePosixPath(name).parts[0]
    return not (top in _LEFT_OUT or top.startswith(_LEFT_OUT_BEGINNINGS) or name.endswith(_LEFT_OUT_ENDINGS))


def is_backup(folder: Path) -> bool:
    """Return whether the folder is a backup."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what the backup says of itself. Raises CommandFailed for what no backup of ours is."""
    try:
        with open_plain(folder / MANIFEST) as file:
            manifest = json.load(file)
        files, keys = manifest["sha256"], manifest.get("keys", {})
        if not (_maps_text(files) and _maps_text(keys)):
            raise TypeError
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CommandFailed(f"{folder} is no backup: there is no readable {MANIFEST} in it") from None
    for name, mark in files.items():
        _require_ours(folder, name, mark)
    return manifest


def _maps_text(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(part, str) for pair in value.items() for part in pair)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


def _require_ours(folder: Path, name: str, mark: str) -> None:
    """Raise CommandFailed for a name that no backup lists: what is restored is written, and then used by Penstock."""
    foreign = f"{folder} is no backup of ours: {MANIFEST} names"
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise CommandFailed(f"{foreign} files outside of it: {name!r}")
    if not name.isprintable() or path.as_posix() != name or not path.parts:
        raise CommandFailed(f"{foreign} {name!r}, which is no name of a file")
    if not _is_state(name) or (name.startswith(TELEMETRY) and name not in _COPIED_APART):
        raise CommandFailed(f"{foreign} {name!r}, which is no state of a home")
    if not _DIGEST.fullmatch(mark):
        raise CommandFailed(f"{foreign} {name!r} without its SHA-256")
    link = next((part for part in (path, *path.parents) if part.parts and (folder / part).is_symlink()), None)
    if link is not None:
        raise CommandFailed(f"{folder} is no backup of ours: {link.as_posix()!r} in it is a symbolic link")


def open_plain(path: Path) -> BufferedReader:
    """Open a plain file to read it. Raises OSError for a link, a pipe or a device in its place."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no plain file")
    return os.fdopen(descriptor, "rb")


def digest(path: Path) -> str:
    """Return the SHA-256 of a plain file, empty when it can't be read."""
    try:
        with open_plain(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def write_private(file: BinaryIO, target: Path) -> None:
    """Write what `file` holds into a new file that its owner alone reads, in a folder that is made."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as sink:
        shutil.copyfileobj(file, sink, 1024 * 1024)

"""Pictures that go along with a question."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from penstock_cli.failure import CommandFailed

_MOST: Final = 4
_MEBIBYTE: Final = 1024 * 1024
_LARGEST: Final = 3 * _MEBIBYTE


def read_pictures(files: Sequence[Path]) -> tuple[str, ...]:
    """Return the files in base64, as questions carry them. Raises CommandFailed for what the server would refuse."""
    if len(files) > _MOST:
        raise CommandFailed(f"a question has at most {_MOST} pictures, not {len(files)}", exit_code=2)
    return tuple(_encoded(file) for file in files)


def _encoded(file: Path) -> str:
    try:
        if not file.is_file():
            raise CommandFailed(f"{file} is no file", exit_code=2)
        size = file.stat().st_size
        if not 0 < size <= _LARGEST:
            shown = f"{size / _MEBIBYTE:.1f} MiB" if size else "empty"
            raise CommandFailed(f"{file} is {shown}; a picture has at most {_LARGEST // _MEBIBYTE} MiB", exit_code=2)
        return base64.b64encode(file.read_bytes()).decode()
    except OSError as error:
        raise CommandFailed(f"{file} can't be read: {error.strerror}", exit_code=2) from None

"""Servers of other projects that scripts/monitoring-tools unpacks into .tools, where they are not installed."""

import os
import shutil
from pathlib import Path
from typing import Final

_TOOLS: Final = Path(__file__).parents[5] / ".tools"
_FOLDERS: Final = "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", str(_TOOLS / "usr/sbin")


def server_binary(name: str) -> str | None:
    """The program: what TEST_NAME says, on PATH, where servers lie, in .tools; None when there is none."""
    path = os.pathsep.join((*os.get_exec_path(), *_FOLDERS))
    return os.environ.get(f"TEST_{name.upper()}") or shutil.which(name, path=path)


def library_environment() -> dict[str, str]:
    """Return the environment for such a program, with the libraries that were unpacked beside it."""
    libraries = _TOOLS / "usr/lib/x86_64-linux-gnu"
    return {**os.environ, "LD_LIBRARY_PATH": f"{libraries}:{os.environ.get('LD_LIBRARY_PATH', '')}"}

"""The command as the reader of a message can type it."""

import shutil
import sys
from pathlib import Path


def command_name() -> str:
    """Return ``penstock`` where the shell finds this very command, else its path, from the current folder if below."""
    own = Path(sys.argv[0])
    if own.name != "penstock":
        own = Path(sys.executable).with_name("penstock")
    found = shutil.which("penstock")
    if found is not None and own.exists() and Path(found).samefile(own):
        return "penstock"
    if not own.exists():
        return f"{sys.executable} -m penstock_cli"
    try:
        return str(own.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(own.absolute())

"""On PYTHONPATH, makes every Python process write the names of its imported modules when it exits."""

import atexit
import os
import sys
from pathlib import Path


def record() -> None:
    """Write one file a process, named after the module it was started with."""
    name = sys.orig_argv[sys.orig_argv.index("-m") + 1] if "-m" in sys.orig_argv else "other"
    Path(os.environ["RECORD_MODULES"], f"{name}.{os.getpid()}").write_text("\n".join(sorted(sys.modules)))


if "RECORD_MODULES" in os.environ:
    atexit.register(record)

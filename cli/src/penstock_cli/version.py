"""``penstock version``."""

import platform
import sys
from importlib.metadata import version


def show_version() -> int:
    """Print the versions of Penstock and of Python."""
    sys.stdout.write(f"penstock {version('penstock-cli')} (Python {platform.python_version()})\n")
    return 0

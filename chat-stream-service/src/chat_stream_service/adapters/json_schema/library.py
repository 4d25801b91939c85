"""The jsonschema library: imported at the first call of a tool, beside the event loop, without what it brings along."""

import importlib
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

_LIBRARY: Final = "jsonschema"
# What the library imports for checks of `format`, which ours are without, where another package has brought it:
# the first builds a grammar for a second of a processor and keeps 18 MB, the second reads one.
_UNUSED: Final = ("rfc3987_syntax", "isoduration")


def is_loaded() -> bool:
    """Return whether the library was loaded by :func:`load`, or by whoever else needed it."""
    return hasattr(sys.modules.get(_LIBRARY), "validators")


def load() -> None:
    """Import the library. Takes a tenth of a second and more, so not on the event loop."""
    with _hidden(_UNUSED):
        importlib.import_module(_LIBRARY)


@contextmanager
def _hidden(names: tuple[str, ...]) -> Generator[None]:
    """Let those of `names` that are not imported yet not be found within the block."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # pyright: ignore - None is how Python says: not to be found
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]

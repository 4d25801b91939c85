"""What a run of all tests holds: a pytest plugin that keeps it small, and the collector's pauses short.

Ten thousand tests are a million objects before the first one runs, and each full collection walks them: half a second
in which nothing that is timed goes on. They are taken out of the collector's sight once they are there, and now and
then what has been kept since.
"""

import gc
from collections.abc import Generator, Iterable, Mapping
from typing import Any, Final, cast

import pytest

# Bytes that the parameters of one test may hold: pytest keeps those of all tests until its end.
MOST_PARAMETER_BYTES: Final = 5 * 1024 * 1024
# Files of tests after which the collector's sight is cleared again.
_FILES: Final = 20
_files = 0


def held_bytes(value: object) -> int:
    """Return about how many bytes of text and data `value` holds: itself, or in lists, mappings and the like."""
    if isinstance(value, (str, bytes, bytearray)):
        return len(value)
    if isinstance(value, Mapping):
        return sum(held_bytes(each) for each in cast(Mapping[object, object], value).values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return sum(held_bytes(each) for each in cast(Iterable[object], value))
    size: Any = getattr(value, "nbytes", 0) or getattr(value, "raw", 0)
    return len(size) if isinstance(size, bytes) else size if isinstance(size, int) else 0


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a test whose parameters would be held, large as they are, while all others run."""
    parameters: Mapping[str, object] = getattr(getattr(item, "callspec", None), "params", {})
    for name, value in parameters.items():
        if (held := held_bytes(value)) > MOST_PARAMETER_BYTES:
            pytest.fail(
                f"its parameter {name!r} holds {held} bytes until the last test has run, {MOST_PARAMETER_BYTES} are "
                "the most: let the parameter say how large it is, or be a function, and make it in the test",
                pytrace=False,
            )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the collector rest meanwhile: what is imported and collected stays, and walking it is a third of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Take the collected tests and the imported modules out of the collector's sight."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Between two files of tests, now and then: drop what can go, and leave the rest alone."""
    global _files  # noqa: PLW0603 - pytest calls a module's functions
    if nextitem is None or nextitem.path != item.path:
        _files += 1
        if _files % _FILES == 0:
            gc.collect()
            gc.freeze()


def pytest_unconfigure() -> None:
    """Give all of it back: libraries that count what they made (DuckDB's) would report it as leaked at the end."""
    gc.unfreeze()

"""Failures of stores as what the command says."""

import asyncio
import sqlite3
from collections.abc import Coroutine
from typing import Any, TypeVar

from penstock_cli.failure import CommandFailed
from penstock_kit.errors import PenstockError

Result = TypeVar("Result")


def run_or_fail(work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work` and return its result. Raises CommandFailed for what a store says."""
    try:
        return asyncio.run(work)
    except PenstockError as error:
        raise CommandFailed(error.message) from None
    except sqlite3.Error as error:
        message = f"a file can't be read: {error}; one of an earlier version is brought up to date by a start"
        raise CommandFailed(message) from None
    except Exception as error:
        if type(error).__module__.startswith("asyncpg"):
            raise CommandFailed(f"PostgreSQL says: {error}") from None
        raise

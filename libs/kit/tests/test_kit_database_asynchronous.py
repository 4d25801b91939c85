"""SQLAlchemy on asyncio without its ORM, seen from a process of its own."""

import subprocess
import sys

SESSIONS = """
import sys
import penstock_kit.database
print("sqlalchemy.orm" in sys.modules)
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session
import sqlalchemy.ext.asyncio as package
print(AsyncSession.__module__, async_scoped_session.__module__, "sqlalchemy.orm" in sys.modules)
print(package.session.AsyncSession is AsyncSession, hasattr(package, "nonsense"))
"""


def test_records_are_kept_without_the_orm_and_a_library_that_wants_a_session_gets_it() -> None:
    run = subprocess.run([sys.executable, "-c", SESSIONS], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == [
        "False",
        "sqlalchemy.ext.asyncio.session sqlalchemy.ext.asyncio.scoping True",
        "True False",
    ]

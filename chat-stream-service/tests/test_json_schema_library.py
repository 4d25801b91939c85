"""What the first check of arguments costs other callers: nothing, for its library comes beside the event loop."""

import subprocess
import sys
from typing import Final

from penstock_testkit.waiting import HANG_SECONDS

FIRST_CHECKS: Final = """
import asyncio, sys, threading
from chat_stream_service.adapters.json_schema import JsonSchemaChecker

imported = []

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("jsonschema", "rfc3987_syntax", "isoduration"):
            imported.append((name, threading.current_thread() is threading.main_thread()))

sys.meta_path.insert(0, Watch())

async def main():
    checker = JsonSchemaChecker()
    schema = {"type": "object", "required": ["a"]}
    found = await asyncio.gather(*(checker.problems(schema, each) for each in ({}, {"a": 1}, {})))
    print([len(each) for each in found], imported)

asyncio.run(main())
import rfc3987_syntax
"""


def test_the_first_checks_load_the_library_once_beside_the_event_loop_and_nothing_that_formats_need() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_CHECKS], capture_output=True, text=True, timeout=HANG_SECONDS, check=True
    )
    assert done.stdout.strip() == "[1, 0, 1] [('jsonschema', False)]"

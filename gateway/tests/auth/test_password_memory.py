"""What sign-ins take of memory: little, and many at once no more than one."""

import os
import subprocess
import sys
from typing import Final

from penstock_testkit.waiting import HANG_SECONDS

ONE_HASH_MB: Final = 19
# As every service has it, see cli/src/penstock_cli/supervisor/service.py: else the memory of a hash that is done would
# stay in the heap of the thread that made it.
MALLOC: Final = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "4194304"}
PROGRAM: Final = """
import asyncio, re
from pathlib import Path
from gateway.auth.password import Passwords

def most():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024

async def main():
    passwords = Passwords()
    before = most()
    stored = await passwords.hash("right horse battery")
    one = most()
    assert all(await asyncio.gather(*(passwords.verify("right horse battery", stored) for _ in range(6))))
    print(before, one, most())

asyncio.run(main())
"""


def test_passwords_that_come_at_once_take_the_memory_of_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=True,
        env=os.environ | MALLOC,
    )
    before, one, many = map(int, done.stdout.split())
    assert ONE_HASH_MB * 0.8 < one - before < ONE_HASH_MB * 2
    assert many - one < ONE_HASH_MB / 2

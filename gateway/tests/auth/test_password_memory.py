"""What many sign-ins at once take of memory: no more than one."""

import subprocess
import sys
from typing import Final

from penstock_testkit.waiting import HANG_SECONDS

ONE_HASH_MB: Final = 64
PROGRAM: Final = """
import asyncio, re
from pathlib import Path
from gateway.auth.password import Passwords

def most():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024

async def main():
    passwords = Passwords()
    stored = await passwords.hash("right horse battery")
    one = most()
    assert all(await asyncio.gather(*(passwords.verify("right horse battery", stored) for _ in range(6))))
    print(one, most())

asyncio.run(main())
"""


def test_passwords_that_come_at_once_take_the_memory_of_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=HANG_SECONDS, check=True
    )
    one, many = map(int, done.stdout.split())
    assert one >= ONE_HASH_MB
    assert many - one < ONE_HASH_MB / 2

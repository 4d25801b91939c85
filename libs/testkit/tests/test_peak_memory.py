"""The most memory that a process had."""

import subprocess
import sys

OWN = "from penstock_testkit.peak_memory import peak_kilobytes; print(peak_kilobytes())"
PARENT = f"""
import subprocess, sys
from penstock_testkit.peak_memory import peak_kilobytes

before = peak_kilobytes()
large = bytes(bytearray(b"x") * 200_000_000)
del large
print(peak_kilobytes() - before, flush=True)
subprocess.run([sys.executable, "-c", {OWN!r}], check=True)
"""


def test_a_process_is_told_what_it_had_itself_and_not_what_the_one_had_that_started_it():
    done = subprocess.run([sys.executable, "-c", PARENT], capture_output=True, text=True, check=True, timeout=240)
    grown, child = map(int, done.stdout.split())
    assert grown > 190_000
    assert child < 100_000

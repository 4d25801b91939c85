"""What is freed and needed again is not given back to the kernel meanwhile."""

import os
import subprocess
import sys

import pytest

from feature_service.adapters.freed_memory import keep_freed_memory
from penstock_testkit.waiting import HANG_SECONDS

# As `penstock up` starts services.
AS_STARTED = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "4194304", "MALLOC_TRIM_THRESHOLD_": "4194304"}
PIECES = """
import resource
from feature_service.adapters.freed_memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        pieces = [b"x" * 700_000 for _ in range(18)]
        del pieces
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
given_back = faults()
assert keep_freed_memory(16_000_000)
faults()
print(given_back, faults())
"""


def test_pieces_of_a_range_are_kept_for_the_next_one():
    if not keep_freed_memory(4 * 1024 * 1024):
        pytest.skip("this C library keeps what it likes")
    environment = {**os.environ, **AS_STARTED}
    told = subprocess.check_output([sys.executable, "-c", PIECES], env=environment, timeout=HANG_SECONDS, text=True)
    given_back, kept = map(int, told.split())
    assert given_back > 10 * (18 * 700_000 - 4_194_304) // 4096
    assert kept < given_back / 10

"""Which processes a benchmark counts as the services."""

import asyncio
import subprocess
import sys

import psutil
from bench.startup import services_of

from penstock_testkit.waiting import until

# A supervisor that runs a service, which forks, and something that is no service.
FORKING = "import os, time; os.fork(); time.sleep(60)"
SUPERVISOR = f"""
import subprocess, sys
service = subprocess.Popen([sys.executable, "-m", "timeit", "-n1", "-r1", {FORKING!r}])
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(service.pid, flush=True)
service.wait()
"""


def test_a_service_is_counted_and_neither_its_fork_nor_what_is_no_service() -> None:
    with subprocess.Popen([sys.executable, "-c", SUPERVISOR], stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        service = int(supervisor.stdout.readline())
        children = lambda: psutil.Process(supervisor.pid).children(recursive=True)  # noqa: E731
        try:
            asyncio.run(until(lambda: len(children()) == 3))
            found = services_of(supervisor.pid)
        finally:
            for child in [*children(), supervisor]:
                child.kill()
    assert {name: process.pid for name, process in found.items()} == {"timeit": service}

"""A process that computes partitions: python -m feature_service.adapters.partition.worker KERNEL.

It reads partitions from its standard input and writes what it made of them to its standard output, and ends with its
input: no worker outlives the service.
"""

import os
import sys
import traceback
from typing import IO

from feature_service.adapters.partition.message import read_message, write_message
from feature_service.domain.dataset.partition import run_partition
from feature_service.domain.feature.native_library import KernelChoice, choose_kernel


def work(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer each (device code, day, spec) with (features, ""), or (None, what went wrong), until there are no more."""
    while True:
        try:
            device_code, day, spec = read_message(requests)
        except EOFError:
            return
        try:
            answer = (run_partition(device_code, day, spec), "")
        except Exception:  # noqa: BLE001 - the service raises it
            answer = (None, traceback.format_exc())
        write_message(answers, answer)


def main() -> None:
    """Work for the process at the other ends of the pipes; what is printed goes to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    choose_kernel(KernelChoice(sys.argv[1]))
    work(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()

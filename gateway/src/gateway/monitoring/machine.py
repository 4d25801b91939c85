"""Memory and processor of the machine, for operators."""

import psutil

from penstock_kit.clock import Clock


class MachineUsage:
    """Percentages of the machine's memory and of its processors; read at most once a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._read_at = -1.0
        self._memory = self._cpu = 0.0
        psutil.cpu_percent()  # from here on

    def read(self) -> tuple[float, float]:
        """Return how much of the memory and of the processors is used, both from 0 to 100."""
        now = self._clock.monotonic()
        if now - self._read_at >= 1:
            self._read_at = now
            self._memory, self._cpu = psutil.virtual_memory().percent, psutil.cpu_percent()
        return self._memory, self._cpu

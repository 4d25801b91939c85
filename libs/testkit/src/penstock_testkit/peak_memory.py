"""The most memory that a process of a test had."""

from pathlib import Path


def peak_kilobytes() -> int:
    """Return the most memory that this process had since its program began, in KiB.

    Not `ru_maxrss`, which begins with that of the process that started it: of a test behind many others it stands so
    high that nothing moves it.
    """
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

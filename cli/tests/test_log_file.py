"""The log of a suite in the background is bounded: full ones step aside, the oldest goes."""

import os
import subprocess
import sys
from pathlib import Path

from penstock_cli.supervisor.log_file import RotatingLog
from penstock_testkit.waiting import HANG_SECONDS

WRITER = """
import sys
from pathlib import Path
from penstock_cli.supervisor.log_file import RotatingLog, is_standard_output
log = Path(sys.argv[1])
assert is_standard_output(log)
sink = RotatingLog(log, max_bytes=1000, files=2)
for number in range(100):
    sink.write(b"line %04d %s\\n" % (number, b"x" * 80))
sys.stderr.write("a traceback goes there too\\n")
"""


def test_a_full_log_steps_aside_and_no_more_than_so_many_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "penstock.log"
    with log.open("ab") as sink:
        subprocess.run(
            [sys.executable, "-c", WRITER, str(log)],
            stdout=sink,
            stderr=subprocess.STDOUT,
            check=True,
            timeout=HANG_SECONDS,
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["penstock.log", "penstock.log.1", "penstock.log.2"]
    assert all(path.stat().st_size <= 1000 + 40 for path in tmp_path.iterdir())
    kept = "".join((tmp_path / name).read_text() for name in ("penstock.log.2", "penstock.log.1", "penstock.log"))
    numbers = [int(line[5:9]) for line in kept.splitlines() if line.startswith("line ")]
    assert numbers == list(range(numbers[0], 100))
    assert kept.endswith("a traceback goes there too\n")


def test_a_line_longer_than_a_file_is_written_whole(tmp_path: Path) -> None:
    log = tmp_path / "penstock.log"
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sink = RotatingLog(log, max_bytes=10, files=1, descriptors=(descriptor,))
    for text in (b"a" * 50, b"b" * 50):
        sink.write(text)
    os.close(descriptor)
    assert (log.read_bytes(), log.with_name("penstock.log.1").read_bytes()) == (b"b" * 50, b"a" * 50)

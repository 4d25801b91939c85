"""A real Mosquitto: on PATH, in .tools (scripts/monitoring-tools), or named by TEST_MOSQUITTO."""

import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from penstock_testkit.servers.process import ServerProcess, accepts, wait_until
from penstock_testkit.servers.unpacked import library_environment, server_binary
from penstock_testkit.waiting import HANG_SECONDS


def mosquitto_binary() -> str | None:
    """The program, None when there is none."""
    return server_binary("mosquitto")


@dataclass(slots=True)
class OwnMosquitto:
    """A Mosquitto on a loopback port, to be killed and started again with what it kept on disk.

    `settings` follow in its configuration file.
    """

    port: int
    settings: str = ""
    scratch: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="penstock-mosquitto-")))
    process: ServerProcess | None = None

    @property
    def url(self) -> str:
        """Where it is, or will be."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def kept(self) -> Path:
        """The file that what is kept is written to."""
        return self.scratch / "mosquitto.db"

    def start(self) -> None:
        """Start it, with what it saved last."""
        binary = mosquitto_binary()
        assert binary is not None
        configuration = self.scratch / "mosquitto.conf"
        configuration.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\n"
            f"persistence_location {self.scratch}/\n{self.settings}\n"
        )
        process = subprocess.Popen(
            [binary, "-c", str(configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=library_environment(),
        )
        self.process = ServerProcess(process, self.scratch)
        wait_until(lambda: accepts(self.port), seconds=HANG_SECONDS, what=f"mosquitto on port {self.port}")

    def save(self) -> None:
        """Have it write down what it has; what it takes from then on is lost by a kill."""
        assert self.process is not None
        before = self.kept.stat().st_mtime_ns if self.kept.exists() else 0
        self.process.process.send_signal(signal.SIGUSR1)
        wait_until(
            lambda: self.kept.exists() and self.kept.stat().st_mtime_ns != before,
            seconds=HANG_SECONDS,
            what="mosquitto's file",
        )

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()

    def stop(self) -> None:
        """End it and remove its files."""
        if self.process is not None:
            self.process.stop()
        shutil.rmtree(self.scratch, ignore_errors=True)

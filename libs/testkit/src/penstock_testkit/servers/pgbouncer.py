"""A real pgbouncer in front of a PostgreSQL: on PATH, in .tools (scripts/monitoring-tools), or TEST_PGBOUNCER."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from penstock_testkit.servers.process import ServerProcess, accepts, wait_until
from penstock_testkit.servers.unpacked import library_environment, server_binary
from penstock_testkit.waiting import HANG_SECONDS

_UNPRIVILEGED: Final = "nobody"


def pgbouncer_binary() -> str | None:
    """The program, None when there is none."""
    return server_binary("pgbouncer")


@dataclass(slots=True)
class OwnPgbouncer:
    """A pgbouncer on a loopback port in front of the PostgreSQL at `server`, with lines `settings` of its own."""

    server: str
    port: int
    settings: str = ""
    scratch: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="penstock-pgbouncer-")))
    process: ServerProcess | None = None

    @property
    def url(self) -> str:
        """Where the database of `server` is by way of it."""
        parts = urlsplit(self.server)
        return f"postgresql://{parts.username}@127.0.0.1:{self.port}{parts.path}"

    def start(self) -> None:
        """Start it."""
        binary = pgbouncer_binary()
        assert binary is not None
        parts = urlsplit(self.server)
        login = f"user={parts.username}" + (f" password={parts.password}" if parts.password else "")
        configuration = self.scratch / "pgbouncer.ini"
        configuration.write_text(
            f"[databases]\n* = host={parts.hostname} port={parts.port} {login}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\nunix_socket_dir =\nauth_type = any\n{self.settings}\n"
        )
        self.scratch.chmod(0o755)
        user = ["-u", _UNPRIVILEGED] if os.geteuid() == 0 else []
        process = subprocess.Popen(
            [binary, *user, str(configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=library_environment(),
        )
        self.process = ServerProcess(process, self.scratch)
        wait_until(lambda: accepts(self.port), seconds=HANG_SECONDS, what=f"pgbouncer on port {self.port}")

    def stop(self) -> None:
        """End it and remove its files."""
        if self.process is not None:
            self.process.stop()
        shutil.rmtree(self.scratch, ignore_errors=True)

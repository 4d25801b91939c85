"""The whole of Penstock, started the way a user starts it: `penstock up`, on free ports and a home of its own."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from penstock_testkit.servers.process import free_ports
from penstock_testkit.waiting import HANG_SECONDS

# Services under test shed no load because the machine has other work; tests of overload set their own.
PATIENT: Final = {"PENSTOCK_OVERLOAD_LAG": "0", "PENSTOCK_OVERLOAD_DELAY": "0"}
# Nor do they give up a vendor for being slow: most are servers of the test's own process, which has other work too.
PATIENT_WITH_VENDORS: Final = dict.fromkeys(
    ("LLM_CONNECT_TIMEOUT", "LLM_FIRST_TOKEN_TIMEOUT", "LLM_IDLE_TIMEOUT", "CHAT_IDLE_SECONDS"), str(HANG_SECONDS)
)
SERVICES = ("LLM_SERVICE", "CHAT_STREAM_SERVICE", "FEATURE_SERVICE", "CACHE_SERVICE")
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


@dataclass(slots=True, kw_only=True)
class FoundSystem:
    """Five services behind one gateway: its home, and its ports by their settings."""

    home: Path
    ports: Mapping[str, int]

    @property
    def url(self) -> str:
        """Base URL of the gateway, without a slash at its end."""
        return f"http://127.0.0.1:{self.ports['PENSTOCK_HTTP_PORT']}"

    @property
    def key(self) -> str:
        """The API key that the first start made."""
        return (self.home / "admin.key").read_text().strip()

    @property
    def password(self) -> str:
        """The password of the user `admin`."""
        return (self.home / "admin.password").read_text().strip()


@dataclass(slots=True, kw_only=True)
class RunningSystem(FoundSystem):
    """A system that was started here. `seconds_to_ready` counts from the command to the first 200 of /ready."""

    process: "subprocess.Popen[bytes]"
    log: Path
    seconds_to_ready: float

    def output(self) -> str:
        """Everything the services have logged so far."""
        return self.log.read_text(errors="replace")

    def stop(self, *, seconds: float = HANG_SECONDS) -> int:
        """Ask the supervisor to stop all; return its exit code. Kills it when it does not within `seconds`."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=HANG_SECONDS)
            raise


def start_system(
    home: Path, *, extra_env: Mapping[str, str] | None = None, seconds: float = HANG_SECONDS, demo: bool = True
) -> RunningSystem:
    """Start `penstock up` and wait until /ready answers 200. Raise RuntimeError with the log when it does not."""
    started = time.monotonic()
    system = launch_system(home, extra_env=extra_env, demo=demo)
    while not is_ready(system.url):
        exit_code = system.process.poll()
        if exit_code is not None or time.monotonic() - started > seconds:
            if exit_code is None:
                system.stop()
            raise RuntimeError(f"penstock up did not become ready (exit code {exit_code}):\n{system.output()[-8000:]}")
        time.sleep(0.02)
    system.seconds_to_ready = time.monotonic() - started
    return system


def launch_system(home: Path, *, extra_env: Mapping[str, str] | None = None, demo: bool = True) -> RunningSystem:
    """Start `penstock up` and wait for nothing. A port that `extra_env` names is that one."""
    ports = choose_ports()
    ports |= {name: int(value) for name, value in (extra_env or {}).items() if name in ports}
    environment = system_environment(home, ports, demo=demo) | dict(extra_env or {})
    log = home.parent / f"{home.name}.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("penstock")), "up"],
            env=environment,
            stdout=sink,
            stderr=subprocess.STDOUT,
            cwd=home.parent,
            start_new_session=True,
        )
    return RunningSystem(process=process, home=home, ports=ports, log=log, seconds_to_ready=0)


def choose_ports() -> dict[str, int]:
    """A free port for every setting that names one, no two the same."""
    names = ["PENSTOCK_HTTP_PORT", *(f"{name}_PORT" for name in SERVICES)]
    names += [f"{name}_METRICS_PORT" for name in SERVICES]
    return dict(zip(names, free_ports(len(names)), strict=True))


def system_environment(home: Path, ports: Mapping[str, int], *, demo: bool) -> dict[str, str]:
    """The environment of a system of its own: nothing of the caller's settings leaks into it."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    addresses = {f"{name}_ADDRESS": f"127.0.0.1:{ports[f'{name}_PORT']}" for name in SERVICES}
    numbers = {name: str(port) for name, port in ports.items()}
    # The demo stands still, so that the same question has the same answer.
    still = {"DEMO_DATA": str(demo).lower(), "PENSTOCK_DEMO_LIVE": "false", "PENSTOCK_ALERT_SECONDS": "2"}
    # PENSTOCK_TEST_WORKERS=3: the same tests, behind so many gateways.
    workers = {"PENSTOCK_WORKERS": os.environ["PENSTOCK_TEST_WORKERS"]} if "PENSTOCK_TEST_WORKERS" in os.environ else {}
    return kept | workers | numbers | addresses | PATIENT | PATIENT_WITH_VENDORS | {"PENSTOCK_HOME": str(home), **still}


def is_ready(url: str) -> bool:
    """Whether the gateway's /ready answers 200."""
    try:
        with urllib.request.urlopen(f"{url}/ready", timeout=30) as answer:
            return int(answer.status) == 200
    except (urllib.error.URLError, OSError):
        return False

"""llm-service as a process of its own, to be killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from penstock.llm.v1 import cost_pb2_grpc, llm_pb2_grpc

from penstock_kit.grpc import open_channel
from penstock_testkit.servers.process import free_ports
from penstock_testkit.system import PATIENT_WITH_VENDORS
from penstock_testkit.waiting import HANG_SECONDS, until
from tests.faults.llm_in_process import Llm

_INHERITED = ("PATH", "HOME", "TMPDIR", "PYTHONPATH")


@dataclass(frozen=True)
class LlmProcess(Llm):
    """Stubs of the process, its log and the port of its /metrics."""

    process: "subprocess.Popen[bytes]"
    log: Path
    port: int
    metrics_port: int
    config_file: Path

    def metrics(self) -> str:
        """What /metrics shows now."""
        with urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=HANG_SECONDS) as answer:
            return answer.read().decode()

    def kill(self) -> None:
        """SIGKILL: gone at once."""
        self.process.kill()
        self.process.wait(timeout=HANG_SECONDS)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def output(self) -> str:
        """Everything it has logged."""
        return self.log.read_text(errors="replace")

    async def logged(self, text: str, *, times: int = 1, seconds: float = HANG_SECONDS) -> None:
        """Return when `text` is in the log that often; TimeoutError after `seconds`."""
        await until(lambda: self.output().count(text) >= times, seconds=seconds)


def _launch(home: Path, log: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    with log.open("wb") as sink:
        command = [sys.executable, "-m", "llm_service"]
        return subprocess.Popen(command, env=environment, stdout=sink, stderr=subprocess.STDOUT, cwd=home)


@asynccontextmanager
async def llm_process(home: Path, config: str, **settings: Any) -> AsyncGenerator[LlmProcess]:
    """Start the service on `home` with the configuration file `config`; killed at the end if it still runs."""
    port, metrics_port = free_ports(2)
    file, log = home / f"llm-{port}.yaml", home / f"llm-{port}.log"
    file.write_text(config)
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ} | {
        "PENSTOCK_HOME": str(home),
        "LLM_SERVICE_PORT": str(port),
        "LLM_SERVICE_METRICS_PORT": str(metrics_port),
        "LLM_CONFIG_FILE": str(file),
        **PATIENT_WITH_VENDORS,
        **{name: str(value) for name, value in settings.items()},
    }
    process = _launch(home, log, environment)
    try:
        async with open_channel(f"127.0.0.1:{port}", service="llm-service") as channel:
            await asyncio.wait_for(channel.channel_ready(), HANG_SECONDS)
            yield LlmProcess(
                llm=llm_pb2_grpc.LlmServiceStub(channel),
                costs=cost_pb2_grpc.CostServiceStub(channel),
                process=process,
                log=log,
                port=port,
                metrics_port=metrics_port,
                config_file=file,
            )
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=HANG_SECONDS)

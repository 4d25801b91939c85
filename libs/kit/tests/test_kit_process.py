import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from penstock_kit.errors import Unavailable
from penstock_kit.grpc import open_channel
from penstock_testkit.waiting import HANG_SECONDS

PROGRAM = """
import asyncio, sys
from penstock_kit.errors import FailedPrecondition
from penstock_kit.grpc import GrpcServer, run_service
from penstock_kit.logging import configure_logging

async def main(stop):
    configure_logging("demo-service")
    server = GrpcServer(service="demo-service", grace_seconds=1)
    await server.serve(int(sys.argv[1]), stop, setting="DEMO_PORT")
    print("drained", flush=True)
    if len(sys.argv) > 2:
        await asyncio.Event().wait()

run_service(main)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "demo.py"
    path.write_text(PROGRAM)
    return path


def start(program: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, str(program), *arguments], stdout=subprocess.PIPE, text=True)


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return line
    raise AssertionError(f"the process ended without saying {text!r}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends_with_code_0(program: Path, number: signal.Signals) -> None:
    with start(program, "0") as process:
        read_until(process, '"event":"serving"')
        os.kill(process.pid, number)
        read_until(process, "drained")
        assert process.wait(HANG_SECONDS) == 0


def test_a_second_signal_ends_a_process_that_hangs(program: Path) -> None:
    with start(program, "0", "hang") as process:
        read_until(process, '"event":"serving"')
        os.kill(process.pid, signal.SIGTERM)
        read_until(process, "drained")
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(HANG_SECONDS) == 130


def test_a_taken_port_ends_the_process_with_one_clear_line(program: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with start(program, str(port)) as process:
            out, _ = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 1
    assert f"127.0.0.1:{port}" in out
    assert "DEMO_PORT" in out
    assert "Traceback" not in out


STREAMER = """
import asyncio, grpc
from penstock_kit.grpc import GrpcServer, run_service
from penstock_kit.logging import configure_logging

async def tick(request, context):
    yield b"one"
    await asyncio.Event().wait()

async def main(stop):
    configure_logging("demo-service")
    server = GrpcServer(service="demo-service", grace_seconds=0)
    handlers = {"Tick": grpc.unary_stream_rpc_method_handler(tick)}
    generic = grpc.method_handlers_generic_handler("demo.v1.DemoService", handlers)
    server.add(lambda _, adding: adding.add_generic_rpc_handlers([generic]), None)
    await server.start(0)
    print("port", server.port, flush=True)
    await stop.wait()

run_service(main)
"""


async def test_a_server_killed_mid_stream_is_unavailable_and_named(tmp_path: Path) -> None:
    (tmp_path / "streamer.py").write_text(STREAMER)
    with start(tmp_path / "streamer.py") as process:
        port = read_until(process, "port ").split()[1]
        async with open_channel(f"127.0.0.1:{port}", service="llm-service") as channel:
            received: list[bytes] = []
            with pytest.raises(Unavailable, match="llm-service at 127") as caught:
                async for message in channel.unary_stream("/demo.v1.DemoService/Tick")(b""):
                    received.append(message)
                    process.kill()
    assert received == [b"one"]
    assert caught.value.reason == "SERVICE_UNAVAILABLE"
    assert caught.value.retryable

import subprocess
import sys
from pathlib import Path

FILE = """
import asyncio
import gc
import socket

import grpc.aio
import pytest
import pytest_asyncio

kept = []


async def started():
    server = grpc.aio.server()
    server.add_insecure_port("127.0.0.1:0")
    await server.start()
    kept.append(server)
    return server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared():
    server = await started()
    yield server
    await server.stop(0)


@pytest.fixture
async def own():
    server = await started()
    yield
    await server.stop(0)


async def test_that_leaves_one():
    await started()


@pytest.mark.asyncio(loop_scope="module")
async def test_that_leaves_one_on_a_loop_that_goes_on():
    await started()


def test_that_leaves_one_on_a_loop_of_its_own():
    asyncio.run(started())


async def test_that_fails_before_the_end_of_its_server():
    server = await started()
    assert not server
    await server.stop(0)


async def test_that_fails_before_the_end_of_its_socket():
    listening = socket.create_server(("127.0.0.1", 0))
    forgotten = started()
    assert not listening


async def test_that_ends_its_own(own):
    await (await started()).stop(0)


@pytest.mark.asyncio(loop_scope="module")
async def test_with_a_server_of_several(shared):
    pass


@pytest.mark.asyncio(loop_scope="module")
async def test_that_uses_the_server_of_several_once_more(shared):
    assert shared._server.is_running()


def test_under_which_all_is_collected():
    assert not any(server._server.is_running() for server in kept[:6])
    del kept[:6]
    gc.collect()
"""


SETTINGS = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""


def test_a_server_that_a_test_leaves_is_ended_with_it_and_fails_it_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "test_file.py").write_text(FILE)
    (tmp_path / "pytest.ini").write_text(SETTINGS)
    command = [sys.executable, "-m", "pytest", "-rA", "-p", "penstock_testkit.left_servers", str(tmp_path)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    outcomes = [
        line.split(" - ")[0] for line in ran.stdout.splitlines() if line.startswith(("PASSED", "FAILED", "ERR"))
    ]
    passed = [line.split("::")[1] for line in outcomes if line.startswith("PASSED")]
    assert sorted(line for line in outcomes if not line.startswith("PASSED")) == [
        "ERROR test_file.py::test_that_leaves_one",
        "ERROR test_file.py::test_that_leaves_one_on_a_loop_of_its_own",
        "ERROR test_file.py::test_that_leaves_one_on_a_loop_that_goes_on",
        "FAILED test_file.py::test_that_fails_before_the_end_of_its_server",
        "FAILED test_file.py::test_that_fails_before_the_end_of_its_socket",
    ], ran.stdout
    assert "test_under_which_all_is_collected" in passed
    assert ran.stdout.count("it left 1 gRPC server(s) running") >= 3

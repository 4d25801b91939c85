"""The official conformance suite of the Model Context Protocol, as far as a server of tools is asked by it.

Its other scenarios want tools, prompts and resources of a server made for it.
"""

import asyncio
import shutil
from pathlib import Path

import pytest

from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import HANG_SECONDS
from tests.clients.signed_in import signed_in

NODE = Path(__file__).parents[2] / ".venv-clients-node"
SUITE = Path("node_modules/@modelcontextprotocol/conformance/dist/index.js")
LOADER = "conformance.mjs"
SCENARIOS = ("server-initialize", "ping", "tools-list", "tools-call-error", "dns-rebinding-protection")


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_the_conformance_suite_finds_nothing(system: RunningSystem, scenario: str) -> None:
    if shutil.which("node") is None or not (NODE / SUITE).exists():
        pytest.skip("the conformance suite is not installed: `make test-clients` does, where Node is there")
    shutil.copy(Path(__file__).parent / "node" / LOADER, NODE / LOADER)
    async with signed_in(system.url, system.key) as url, asyncio.timeout(HANG_SECONDS):
        process = await asyncio.create_subprocess_exec(
            "node", "--import", f"./{LOADER}", str(SUITE), "server", "--url", f"{url}/mcp", "--scenario", scenario,
            cwd=NODE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-4000:]
    assert b"Passed: 0" not in said

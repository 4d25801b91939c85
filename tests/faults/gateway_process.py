"""A gateway as a process of its own before chat-stream replicas, and readers of all its transports."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect

from penstock_testkit.servers.process import free_port
from penstock_testkit.system import PATIENT
from penstock_testkit.waiting import HANG_SECONDS
from tests.faults.stream_replica import SECONDS

_INHERITED = ("PATH", "HOME", "TMPDIR", "PYTHONPATH")


def is_last(event: dict[str, Any]) -> bool:
    """Whether no event of the stream follows."""
    return event["type"] == "error" or (event["type"] == "complete_state" and event["status"] != "running")


@dataclass(slots=True, kw_only=True)
class Gateway:
    """The process, and what its clients do. All of them are the administrator."""

    process: "subprocess.Popen[bytes]"
    url: str
    key: str
    client: httpx.AsyncClient

    async def post(self, path: str, **body: Any) -> Any:
        """Return the JSON of an answer."""
        answer = await self.client.post(path, json=body)
        return answer.raise_for_status().json()

    async def events(self, method: str, path: str, into: list[Any], **body: Any) -> None:
        """Read an event stream to the end of its body, once: what breaks is not mended here."""
        sent = {"json": body} if body else {}
        async with self.client.stream(method, path, **sent) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    into.append(json.loads(line[6:]))

    def socket(self, path: str) -> Any:
        """Open a WebSocket."""
        headers = {"authorization": f"Bearer {self.key}"}
        return connect(self.url.replace("http", "ws") + path, additional_headers=headers)

    async def converse(self, conversation_id: str, stream_id: str, into: list[Any]) -> None:
        """Read a stream over the WebSocket of its conversation to its end."""
        async with self.socket(f"/api/v1/ws/conversations/{conversation_id}?stream_id={stream_id}") as socket:
            while not into or not is_last(into[-1]):
                into.append(json.loads(await socket.recv()))

    async def watch(
        self, client_id: str, into: list[Any], *, ends: int, cursor: str = "", ready: asyncio.Event | None = None
    ) -> str:
        """Read the WebSocket of a client until so many streams have ended; return the last cursor.

        Without a cursor it is told what happens from the moment on in which `ready` is set.
        """
        async with self.socket(f"/api/v1/ws/clients/{client_id}?cursor={cursor}") as socket:
            while sum(map(is_last, into)) < ends:
                message = json.loads(await socket.recv())
                cursor = message.get("cursor", cursor)
                if message["type"] == "ready" and ready is not None:
                    ready.set()
                if message["type"] not in {"ready", "heartbeat"}:
                    into.append(message)
        return cursor


@asynccontextmanager
async def gateway(home: Path, *chat: str, open_files: int = 0, **settings: str) -> AsyncGenerator[Gateway]:
    """Start a gateway before these addresses of chat-stream-service, with a limit on open files; killed at the end."""
    port = free_port()
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ} | {
        "PENSTOCK_HOME": str(home),
        "PENSTOCK_HTTP_PORT": str(port),
        "CHAT_STREAM_SERVICE_ADDRESS": ",".join(chat),
        **PATIENT,
        **settings,
    }
    process = _launch(home, port, environment, open_files)
    url = f"http://127.0.0.1:{port}"
    limits = httpx.Limits(max_connections=None)
    try:
        async with httpx.AsyncClient(base_url=url, timeout=SECONDS, limits=limits) as client:
            await _serving(client, process)
            key = (home / "admin.key").read_text().strip()
            client.headers["authorization"] = f"Bearer {key}"
            yield Gateway(process=process, url=url, key=key, client=client)
    finally:
        process.kill()
        process.wait(timeout=HANG_SECONDS)


def _launch(home: Path, port: int, environment: Mapping[str, str], open_files: int) -> "subprocess.Popen[bytes]":
    home.mkdir(exist_ok=True)
    with (home / f"gateway-{port}.log").open("wb") as sink:
        command = [sys.executable, "-m", "gateway"]
        if open_files:
            command = ["sh", "-c", f'ulimit -n {open_files} && exec "$@"', "sh", *command]
        return subprocess.Popen(command, env=environment, stdout=sink, stderr=sink, cwd=home)


async def _serving(client: httpx.AsyncClient, process: "subprocess.Popen[bytes]") -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            with suppress(httpx.TransportError):
                await client.get("/live")
                return
            if process.poll() is not None:
                raise RuntimeError(f"the gateway ended with {process.returncode}")
            await asyncio.sleep(0.02)

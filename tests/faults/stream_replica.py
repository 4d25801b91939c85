"""Chat-stream replicas as processes of their own, on one Redis and one database, before a scripted llm-service."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio
from penstock.chat.v1 import chat_pb2 as pb
from penstock.chat.v1 import chat_pb2_grpc

from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import PenstockError, Unavailable
from penstock_kit.grpc import open_channel
from penstock_testkit.servers.process import ServerProcess, free_port, free_ports
from penstock_testkit.servers.redis import start_local_redis
from penstock_testkit.services import Step, Wait, answer_events
from penstock_testkit.system import PATIENT
from penstock_testkit.waiting import HANG_SECONDS, bound, until

ANN = Caller(user_id="ann", tenant_id="acme", scopes=frozenset({"admin", "operator"}))
SECONDS = HANG_SECONDS
_INHERITED = ("PATH", "HOME", "TMPDIR", "PYTHONPATH")
# What ends a call but not the stream: a reader goes on elsewhere.
BROKEN = {"SERVICE_UNAVAILABLE", "REPLICA_UNAVAILABLE", "EVENT_LOG_UNAVAILABLE"}


class OwnRedis:
    """A Redis of the test's own."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: ServerProcess = start_local_redis(self.port)

    def restart(self) -> None:
        """Start it again on the same port, empty."""
        self.process = start_local_redis(self.port)


def gated(gate: asyncio.Event, *texts: str) -> list[Step]:
    """An answer that says its first text, waits for the gate, and says the rest."""
    script = answer_events(*texts)
    return [*script[:2], Wait(gate), *script[2:]]


@dataclass(slots=True, kw_only=True)
class Replica:
    """One process, and stubs to talk to it."""

    process: "subprocess.Popen[bytes]"
    log: Path
    address: str
    channel: Any
    streams: Any = field(init=False)
    conversations: Any = field(init=False)
    engines: Any = field(init=False)
    clients: Any = field(init=False)

    def __post_init__(self) -> None:
        self.streams = chat_pb2_grpc.StreamServiceStub(self.channel)
        self.conversations = chat_pb2_grpc.ConversationServiceStub(self.channel)
        self.engines = chat_pb2_grpc.EngineServiceStub(self.channel)
        self.clients = chat_pb2_grpc.ClientServiceStub(self.channel)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    async def ended(self, *, seconds: float) -> int:
        """Return the exit code; TimeoutError when it still runs after `seconds`."""
        await until(lambda: self.process.poll() is not None, seconds=bound(seconds))
        return int(self.process.returncode)

    async def conversation(self) -> str:
        made = await self.conversations.CreateConversation(pb.CreateConversationRequest())
        return str(made.conversation.id)

    def ask(self, conversation_id: str, **fields: Any) -> Any:
        return self.streams.StreamChat(
            pb.StreamChatRequest(conversation_id=conversation_id, content="Hello?", use_tools=False, **fields)
        )

    def read(self, stream_id: str, after: int = 0) -> Any:
        return self.streams.ReadStream(pb.ReadStreamRequest(stream_id=stream_id, after_sequence=after))


class Reader:
    """Reads a stream as the gateway does: when the call breaks it goes on at the next replica."""

    def __init__(self, call: Any, elsewhere: Sequence[Replica]) -> None:
        self.events: list[pb.ChatEvent] = []
        self.causes: list[str] = []
        self._elsewhere = elsewhere
        self._call = call
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> list[pb.ChatEvent]:
        turn = 0
        async with asyncio.timeout(SECONDS):
            while not await self._follow():
                self._call.cancel()
                last = self.events[-1]
                self._call = self._elsewhere[turn % len(self._elsewhere)].read(last.stream_id, last.sequence)
                turn += 1
                await asyncio.sleep(0.05)
        return self.events

    async def _follow(self) -> bool:
        """Read until the call ends; True at the end of the stream."""
        try:
            while (message := await self._call.read()) is not grpc.aio.EOF:
                self.events.extend(message.events)
        except PenstockError as error:
            self.causes.append(error.reason)
            if error.reason not in BROKEN or not self.events:
                raise
            return False
        return True


@asynccontextmanager
async def replica(home: Path, llm_address: str, **settings: str) -> AsyncGenerator[Replica]:
    """Start a replica and wait until it serves the current caller; killed at the end if it still runs."""
    port, metrics = free_ports(2)
    environment = {
        name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "PYTHONPATH") if name in os.environ
    } | {
        "PENSTOCK_HOME": str(home),
        "CHAT_STREAM_SERVICE_PORT": str(port),
        "CHAT_STREAM_SERVICE_METRICS_PORT": str(metrics),
        "LLM_SERVICE_ADDRESS": llm_address,
        **PATIENT,
        **settings,
    }
    process, log = launch(home, environment)
    async with open_channel(f"127.0.0.1:{port}", service="chat-stream-service") as channel:
        made = Replica(process=process, log=log, address=f"127.0.0.1:{port}", channel=channel)
        try:
            await serving(made)
            yield made
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait(timeout=HANG_SECONDS)


def launch(home: Path, environment: Mapping[str, str]) -> tuple["subprocess.Popen[bytes]", Path]:
    """Start the process; its output goes to the file."""
    home.mkdir(exist_ok=True)
    log = home / f"replica-{environment['CHAT_STREAM_SERVICE_PORT']}.log"
    command = [sys.executable, "-m", "chat_stream_service"]
    with log.open("wb") as sink:
        return subprocess.Popen(command, env=environment, stdout=sink, stderr=sink, cwd=home), log


async def serving(made: Replica) -> None:
    """Return when the replica answers."""
    async with asyncio.timeout(SECONDS):
        while True:
            with suppress(Unavailable), use_context(CallContext(request_id="req_s", caller=ANN)):
                await made.streams.GetStreamHealth(pb.GetStreamHealthRequest())
                return
            if made.process.poll() is not None:
                raise RuntimeError(made.output())
            await asyncio.sleep(0.02)


async def first_event(call: Any) -> list[pb.ChatEvent]:
    async with asyncio.timeout(SECONDS):
        return list((await call.read()).events)

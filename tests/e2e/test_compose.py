"""The images and the compose stack, built and started as an operator does it."""

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from penstock_testkit.servers.process import docker_answers, free_port, wait_until
from penstock_testkit.system import is_ready
from penstock_testkit.waiting import HANG_SECONDS
from tests.e2e.chat import ask, kinds

ROOT = Path(__file__).parents[2]
SERVICES = {"gateway", "llm-service", "chat-stream-service", "feature-service", "cache-service"}
STATEFUL = {"gateway", "llm-service", "chat-stream-service", "feature-service"}
PASSED_ON = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")
BUILD_SECONDS = 600

pytestmark = [
    pytest.mark.containers,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not docker_answers(), reason="no Docker engine answers"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A compose project of its own: `settings` is its whole environment, nothing of the caller's `.env` counts."""

    project: str
    settings: Path
    url: str

    def compose(self, *arguments: str, seconds: float = 180) -> str:
        """Run a compose command; return its output, raise with it when the command fails."""
        options = ["-p", self.project, "--project-directory", str(ROOT), "--env-file", str(self.settings)]
        return run([*compose_command(), *options, *arguments], seconds=seconds)

    def inspect(self) -> dict[str, dict]:
        """What the engine knows of each container, by service."""
        containers = self.compose("ps", "-a", "-q").split()
        found = json.loads(run(["docker", "inspect", *containers], seconds=30))
        return {entry["Config"]["Labels"]["com.docker.compose.service"]: entry for entry in found}

    def start(self) -> None:
        """Create and start every container, and wait until the gateway finds all services ready."""
        self.compose("up", "-d", "--no-build")
        wait_until(lambda: is_ready(self.url), seconds=HANG_SECONDS, what=f"{self.url}/ready")
        wait_until(self.is_healthy, seconds=HANG_SECONDS, what="the health of all containers")

    def is_healthy(self) -> bool:
        """Whether every container's own health check passes."""
        return all(entry["State"]["Health"]["Status"] == "healthy" for entry in self.inspect().values())


def run(command: list[str], *, seconds: float) -> str:
    """Run a command with nothing of our settings in its environment; return its output."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def compose_command() -> list[str]:
    """Compose as the machine has it: docker's plug-in, else the program of version 1."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if plugin.returncode == 0:
        return ["docker", "compose"]
    program = shutil.which("docker-compose")
    assert program is not None, "Docker answers, but there is neither `docker compose` nor `docker-compose`"
    return [program]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The default stack on a free port of this machine, removed with its volumes at the end."""
    port = free_port()
    settings = tmp_path_factory.mktemp("compose") / "settings.env"
    settings.write_text(f"PENSTOCK_HTTP_PORT={port}\nPENSTOCK_TAG=test\n")
    stack = Stack(project=f"penstock-{uuid.uuid4().hex[:8]}", settings=settings, url=f"http://127.0.0.1:{port}")
    stack.compose("build", seconds=BUILD_SECONDS)
    try:
        start_or_tell_why(stack)
        yield stack
    finally:
        stack.compose("down", "--volumes", "--remove-orphans")


def start_or_tell_why(stack: Stack) -> None:
    """Start the stack; a failure carries the containers' last log lines, which are gone with them."""
    try:
        stack.start()
    except (AssertionError, TimeoutError) as error:
        log = stack.compose("logs", "--no-color", "--tail", "40")
        raise RuntimeError(f"the stack did not start: {error}\n{log}") from error


@pytest.fixture
async def published(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the published port, with the key that the first start left in the gateway's volume."""
    key = stack.compose("exec", "-T", "gateway", "cat", "/var/lib/penstock/admin.key").strip()
    async with httpx.AsyncClient(base_url=stack.url, headers={"x-api-key": key}, timeout=HANG_SECONDS) as client:
        yield client


async def test_a_question_through_the_published_port_is_answered_from_the_store(published: httpx.AsyncClient) -> None:
    events = await ask(published, "What was the mean current of WLD001?")
    assert kinds(events) == ["tool_call", "tool_result", "message_chunk", "complete_state"]
    assert events[-1]["status"] == "completed"
    assert not next(event for event in events if event["type"] == "tool_result")["is_error"]


def test_the_five_services_are_healthy_and_only_the_gateway_is_published(stack: Stack) -> None:
    containers = stack.inspect()
    assert set(containers) == SERVICES
    assert {entry["State"]["Health"]["Status"] for entry in containers.values()} == {"healthy"}
    assert {name for name, entry in containers.items() if entry["HostConfig"]["PortBindings"]} == {"gateway"}


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_container_runs_without_root_and_without_capabilities(stack: Stack, service: str) -> None:
    status = stack.compose("exec", "-T", service, "cat", "/proc/1/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert "0" not in fields["Uid"].split()
    assert "0" not in fields["Gid"].split()
    assert int(fields["CapEff"], 16) == 0
    assert fields["NoNewPrivs"] == "1"


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_container_is_limited_and_can_write_only_where_its_state_is(stack: Stack, service: str) -> None:
    entry = stack.inspect()[service]
    assert entry["HostConfig"]["ReadonlyRootfs"]
    assert entry["HostConfig"]["Memory"] > 0
    writable = {mount["Destination"] for mount in entry["Mounts"] if mount["RW"]}
    # cache-service keeps the secret that calls between the containers carry; the others only read it.
    assert writable == {"/var/lib/penstock" if service in STATEFUL else "/var/lib/penstock-secret"}


def test_a_container_that_knows_no_secret_is_refused_by_every_service(stack: Stack) -> None:
    code = (
        "import grpc, sys; name, method = sys.argv[1:]; "
        "call = grpc.insecure_channel(name).unary_unary(method); "
        "print(call.with_call(b'', metadata=[('x-penstock-user', 'alice')], timeout=5))"
    )
    methods = {
        "llm-service:50051": "/penstock.llm.v1.LlmService/ListModels",
        "chat-stream-service:50052": "/penstock.chat.v1.ConversationService/ListConversations",
        "feature-service:50053": "/penstock.feature.v1.MetadataService/ListDevices",
        "cache-service:50054": "/penstock.cache.v1.CacheService/GetStats",
    }
    for name, method in methods.items():
        asked = ["exec", "-T", "gateway", "python", "-c", code, name, method]
        with pytest.raises(AssertionError, match="UNAUTHENTICATED"):
            stack.compose(*asked)


def test_the_images_share_what_is_large_and_start_a_service_each(stack: Stack) -> None:
    images = [entry["Image"] for entry in stack.inspect().values()]
    found = json.loads(run(["docker", "inspect", *images], seconds=30))
    # The last layer is our own packages; it is one too, unless a source changed between the builds.
    assert len({tuple(entry["RootFS"]["Layers"][:-1]) for entry in found}) == 1
    started = [setting for entry in found for setting in entry["Config"]["Env"] if "PENSTOCK_SERVICE=" in setting]
    assert sorted(setting.partition("=")[2] for setting in started) == sorted(SERVICES)


def test_an_image_adds_at_most_500_megabytes_to_its_base(stack: Stack) -> None:
    names = [stack.inspect()["gateway"]["Image"], "python:3.11-slim-bookworm"]
    image, base = (int(json.loads(run(["docker", "inspect", name], seconds=30))[0]["Size"]) for name in names)
    assert (image - base) / 1e6 <= 500


def test_the_command_works_in_a_container(stack: Stack) -> None:
    assert stack.compose("exec", "-T", "gateway", "penstock", "key", "create", "from-inside").startswith("psk_")
    assert "llm.db" in stack.compose("exec", "-T", "llm-service", "penstock", "maintain")


async def test_containers_end_by_themselves_when_stopped_and_new_ones_know_what_was_said(
    stack: Stack, published: httpx.AsyncClient
) -> None:
    asked = await ask(published, "Hi there!")
    stack.compose("stop")
    assert {name: entry["State"]["ExitCode"] for name, entry in stack.inspect().items()} == dict.fromkeys(SERVICES, 0)
    stack.compose("down")
    stack.start()
    listed = (await published.get("/api/v1/conversations")).raise_for_status().json()["conversations"]
    stored = (await published.get(f"/api/v1/conversations/{listed[0]['id']}/messages")).raise_for_status().json()
    assert stored["messages"][-1]["content"] == asked[-1]["content"]

"""Two of each service in containers, over one Redis for streams, one for the cache and one PostgreSQL."""

import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from penstock_testkit.servers.process import docker_answers, free_ports, wait_until
from penstock_testkit.system import is_ready
from penstock_testkit.waiting import HANG_SECONDS
from tests.e2e.chat import ask, kinds
from tests.e2e.test_compose import BUILD_SECONDS, ROOT, SERVICES, Stack, start_or_tell_why

OVERLAYS = ("redis", "postgres", "replicas")
TWICE = SERVICES - {"feature-service"}
# The end-to-end tests that ask only through the gateway; the others start, kill or look into processes.
THROUGH_THE_GATEWAY = (
    "ask_about_a_machine",
    "bad_input",
    "mcp",
    "openai_client",
    "python_client",
    "resume",
    "tenant_matrix",
)
# It reads /metrics without a key, as only scrapers on the gateway's own machine may.
FROM_ITS_OWN_MACHINE = "tests/e2e/test_tenant_matrix.py::test_whoever_may_is_let_in_everywhere"

pytestmark = [
    pytest.mark.containers,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not docker_answers(), reason="no Docker engine answers"),
]


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack of all three overlays on free ports of this machine, removed with its volumes at the end."""
    settings = tmp_path_factory.mktemp("replicas") / "settings.env"
    port, second_port = free_ports(2)
    told = {
        "COMPOSE_FILE": ":".join(["docker-compose.yml", *(f"deploy/compose/{name}.yml" for name in OVERLAYS)]),
        "COMPOSE_PROFILES": ",".join(OVERLAYS),
        "PENSTOCK_HTTP_PORT": str(port),
        "PENSTOCK_SECOND_HTTP_PORT": str(second_port),
        "PENSTOCK_TAG": "test",
        "POSTGRES_PASSWORD": "only-for-this-test",
        "JWT_SECRET": uuid.uuid4().hex * 2,
        # Tests ask faster than people, on a machine that has other work.
        "PENSTOCK_OVERLOAD_LAG": "0",
        "PENSTOCK_OVERLOAD_DELAY": "0",
    }
    settings.write_text("".join(f"{name}={value}\n" for name, value in told.items()))
    stack = Stack(project=f"penstock-{uuid.uuid4().hex[:8]}", settings=settings, url=f"http://127.0.0.1:{port}")
    stack.compose("build", *sorted(SERVICES), seconds=BUILD_SECONDS)
    try:
        start_or_tell_why(stack)
        wait_until(lambda: is_ready(second_url(stack)), seconds=HANG_SECONDS, what="the second gateway")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--remove-orphans")


def second_url(stack: Stack) -> str:
    """Where the second gateway is."""
    line = next(line for line in stack.settings.read_text().splitlines() if line.startswith("PENSTOCK_SECOND"))
    return f"http://127.0.0.1:{line.partition('=')[2]}"


@pytest.fixture
def home(replicas: Stack, tmp_path: Path) -> Path:
    """The credentials of the administrator, as the gateway that made them keeps them."""
    for name in ("admin.key", "admin.password"):
        texts = [
            replicas.compose("exec", "-T", gateway, "cat", f"/var/lib/penstock/{name}").strip()
            for gateway in ("gateway", "gateway-2")
        ]
        # The other one's file says in words that somebody else made it.
        (tmp_path / name).write_text(next(text for text in texts if " " not in text))
    return tmp_path


@pytest.fixture
async def first(replicas: Stack, home: Path) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"x-api-key": (home / "admin.key").read_text()}
    async with httpx.AsyncClient(base_url=replicas.url, headers=headers, timeout=HANG_SECONDS) as client:
        yield client


@pytest.fixture
async def second(replicas: Stack, home: Path) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"x-api-key": (home / "admin.key").read_text()}
    async with httpx.AsyncClient(base_url=second_url(replicas), headers=headers, timeout=HANG_SECONDS) as client:
        yield client


def test_two_of_each_are_healthy_and_only_the_gateways_are_published(replicas: Stack) -> None:
    containers = replicas.inspect()
    stores = {"redis", "redis-cache", "postgres"}
    assert set(containers) == SERVICES | {f"{name}-2" for name in TWICE} | stores
    assert {entry["State"]["Health"]["Status"] for entry in containers.values()} == {"healthy"}
    published = {name for name, entry in containers.items() if entry["HostConfig"]["PortBindings"]}
    assert published == {"gateway", "gateway-2"}


async def test_what_one_gateway_made_the_other_knows(first: httpx.AsyncClient, second: httpx.AsyncClient) -> None:
    name = {"username": "of.both", "password": "Correct-horse-8-battery", "scopes": ["chat"]}
    assert (await first.post("/api/v1/users", json=name)).status_code == 201
    login = {"username": name["username"], "password": name["password"]}
    token = (await second.post("/api/v2/auth/login", json=login)).json()["data"]["access_token"]
    first.headers = httpx.Headers({"Authorization": f"Bearer {token}"})
    events = await ask(first, "Hi there!")
    assert events[-1]["status"] == "completed"
    stream = events[0]["stream_id"]
    second.headers = first.headers
    read = await second.get(f"/api/v1/streams/{stream}/events")
    assert read.text.count('"type"') == len(events)


async def test_questions_are_answered_while_one_of_each_is_gone(replicas: Stack, first: httpx.AsyncClient) -> None:
    gone = [f"{name}-2" for name in sorted(TWICE)]
    replicas.compose("kill", *gone)
    try:
        for _ in range(4):
            events = await ask(first, "What was the mean current of WLD001?")
            assert kinds(events)[-1] == "complete_state"
            assert events[-1]["status"] == "completed"
    finally:
        replicas.compose("start", *gone)
        wait_until(replicas.is_healthy, seconds=HANG_SECONDS, what="the health of all containers")


def test_the_end_to_end_tests_pass_against_it(replicas: Stack, home: Path) -> None:
    files = [f"tests/e2e/test_{name}.py" for name in THROUGH_THE_GATEWAY]
    told = {"TEST_SYSTEM_HOME": str(home), "TEST_SYSTEM_PORT": replicas.url.rpartition(":")[2]}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-rs", *files]
    command += ["--deselect", FROM_ITS_OWN_MACHINE]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **told}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
    assert "skipped" not in done.stdout, done.stdout[-2000:]

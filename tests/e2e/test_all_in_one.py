"""The image with all five services, built and run as an operator of one machine does it."""

import re
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
from tests.e2e.test_compose import BUILD_SECONDS, SERVICES, run

ROOT = Path(__file__).parents[2]
READY_SECONDS = 120
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
BLOCKS = [block for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE) if "docker run" in block]

pytestmark = [
    pytest.mark.containers,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not docker_answers(), reason="no Docker engine answers"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container, whose state is in a volume of the same name."""

    name: str
    image: str
    port: int

    @property
    def url(self) -> str:
        """Where the gateway is published."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Run it with nothing to write but its volume and /tmp, and wait until it is ready."""
        limits = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        publish = ["-p", f"127.0.0.1:{self.port}:8000", "-v", f"{self.name}:/var/lib/penstock"]
        run(["docker", "run", "-d", "--name", self.name, *limits, *publish, self.image], seconds=60)
        try:
            wait_until(lambda: is_ready(self.url), seconds=READY_SECONDS, what=f"{self.url}/ready")
        except TimeoutError as error:
            raise RuntimeError(run(["docker", "logs", "--tail", "40", self.name], seconds=30)) from error

    def execute(self, *command: str) -> str:
        """Run a command in it and return what it prints."""
        return run(["docker", "exec", self.name, *command], seconds=60)

    def stop(self) -> int:
        """Stop it as `docker stop` does, remove it but not its volume, and return its exit code."""
        run(["docker", "stop", "--time", "60", self.name], seconds=90)
        code = run(["docker", "inspect", "-f", "{{.State.ExitCode}}", self.name], seconds=30)
        run(["docker", "rm", self.name], seconds=30)
        return int(code)


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    """A container of the image, removed with its volume at the end."""
    name = f"penstock-{uuid.uuid4().hex[:8]}"
    recipe = ["-f", "deploy/docker/service.Dockerfile", "--target", "all-in-one"]
    run(["docker", "build", "-q", *recipe, "-t", "penstock:test", "."], seconds=BUILD_SECONDS)
    one = Container(name=name, image="penstock:test", port=free_port())
    try:
        one.start()
        yield one
    finally:
        run(["docker", "rm", "-f", name], seconds=60)
        run(["docker", "volume", "rm", "-f", name], seconds=60)


@pytest.fixture
async def published(container: Container) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the published port, with the key that the first start left in the volume."""
    key = container.execute("cat", "/var/lib/penstock/admin.key").strip()
    async with httpx.AsyncClient(base_url=container.url, headers={"x-api-key": key}, timeout=HANG_SECONDS) as client:
        yield client


def test_all_five_services_run_in_the_one_container_without_root(container: Container) -> None:
    status = container.execute("penstock", "status")
    for service in SERVICES:
        assert service in status
    assert container.execute("id", "-u").strip() != "0"


def test_only_the_gateway_listens_beyond_the_container(container: Container) -> None:
    # Local addresses of listening sockets (state 0A); 00000000 is every address, the bytes of 127.0.0.1 are 0100007F.
    lines = [line.split() for line in container.execute("cat", "/proc/net/tcp").splitlines()[1:]]
    listening = [fields[1].split(":") for fields in lines if fields[3] == "0A"]
    assert {int(port, 16) for address, port in listening if not address.endswith("7F")} == {8000}
    assert len(listening) > len(SERVICES)


async def test_a_question_is_answered_and_known_to_the_next_container(
    container: Container, published: httpx.AsyncClient
) -> None:
    events = await ask(published, "What was the mean current of WLD001?")
    assert kinds(events)[-1] == "complete_state"
    assert events[-1]["status"] == "completed"
    assert container.stop() == 0
    container.start()
    listed = (await published.get("/api/v1/conversations")).raise_for_status().json()["conversations"]
    stored = (await published.get(f"/api/v1/conversations/{listed[0]['id']}/messages")).raise_for_status().json()
    assert stored["messages"][-1]["content"] == events[-1]["content"]


def test_the_pages_commands_start_one_keep_a_backup_and_bring_it_back(container: Container, tmp_path: Path) -> None:
    name, port = f"penstock-{uuid.uuid4().hex[:8]}", free_port()
    here = {
        "127.0.0.1:8000:": f"127.0.0.1:{port}:",
        "--name penstock ": f"--name {name} ",
        "-v penstock:": f"-v {name}:",
        "penstock:0.1.0": container.image,
        "penstock:/var": f"{name}:/var",
        "docker logs penstock ": f"docker logs {name} ",
        "docker exec penstock ": f"docker exec {name} ",
        "--time 30 penstock ": f"--time 30 {name} ",
        "docker rm penstock\n": f"docker rm {name}\n",
    }
    start, restore = ("".join(_here(line, here) for line in block.splitlines(keepends=True)) for block in BLOCKS)
    begin, rest = start.split("\n", 1)
    try:
        run(["sh", "-ec", begin], seconds=60)
        wait_until(lambda: is_ready(f"http://127.0.0.1:{port}"), seconds=READY_SECONDS, what="/ready")
        said = run(["sh", "-ec", f"exec 2>&1\ncd {tmp_path}\n{rest}"], seconds=120)
        assert "Penstock is ready" in said
        assert "psk_" in said
        assert (tmp_path / "penstock-backup" / "backup.json").is_file()
        assert "what was there is in /var/lib/penstock/before-" in run(
            ["sh", "-ec", f"exec 2>&1\n{restore}"], seconds=120
        )
    finally:
        run(["docker", "rm", "-f", name], seconds=60)
        run(["docker", "volume", "rm", "-f", name], seconds=60)


def _here(line: str, here: dict[str, str]) -> str:
    for words, ours in here.items():
        line = line.replace(words, ours)
    return line

"""The peers that scripts/bench-peers installs, started in front of the same upstream and put under the same load."""

import contextlib
import os
import secrets
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.completions import MARK, http_client, question, system_in_front_of, upstream
from bench.load import Target, chunk_rate, first_chunks, latencies, rest_of, throughput
from bench.measure import Figure, Report, percentile
from llm_service.providers.http_client import HttpClient
from penstock_testkit.servers.process import accepts, free_port, wait_until

PEERS = Path(__file__).parent.parent / ".peers"
ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One gateway in front of the upstream."""

    name: str
    url: str
    headers: dict[str, str] = field(default_factory=dict[str, str])
    model: str = "bench"

    def target(self, client: HttpClient, *, stream: bool) -> Target:
        """The request it is measured with."""
        body = question(self.model, stream=stream)
        return Target(client=client, url=self.url, body=body, headers=self.headers)


@contextlib.contextmanager
def litellm(base_url: str) -> Iterator[Contender]:
    """The LiteLLM proxy, one worker."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(
            "model_list:\n  - model_name: bench\n    litellm_params:\n      model: openai/bench\n"
            f"      api_base: {base_url}\n      api_key: sk-bench\n"
        )
        binary = PEERS / "litellm" / "bin" / "litellm"
        command = [binary, "--config", config, "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
        key = f"sk-{secrets.token_hex(32)}"
        quiet = {
            "LITELLM_MASTER_KEY": key,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
            "LITELLM_TELEMETRY": "False",
        }
        with child(command, port, folder, quiet):
            auth = {"Authorization": f"Bearer {key}"}
            yield Contender(name="LiteLLM proxy", url=f"http://127.0.0.1:{port}/v1/chat/completions", headers=auth)


@contextlib.contextmanager
def portkey(base_url: str) -> Iterator[Contender]:
    """The Portkey gateway."""
    port = free_port()
    script = PEERS / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    headers = {
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": base_url,
        "Authorization": "Bearer sk-bench",
    }
    # It refuses loopback hosts that it is not told to trust.
    trust = {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}
    with tempfile.TemporaryDirectory() as folder, child(["node", script, f"--port={port}"], port, folder, trust):
        yield Contender(name="Portkey gateway", url=f"http://127.0.0.1:{port}/v1/chat/completions", headers=headers)


@contextlib.contextmanager
def child(command: list[str | Path], port: int, folder: str, environment: dict[str, str]) -> Iterator[None]:
    """A peer's process, ready and stopped at the end."""
    with Path(folder, "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | environment, cwd=folder, stdout=log, stderr=log)
    try:
        wait_until(lambda: accepts(port) or process.poll() is not None, seconds=90, what=str(command[0]))
        assert process.poll() is None, Path(folder, "log").read_text()[-2000:]
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        process.kill()


def installed(base_url: str) -> list[contextlib.AbstractContextManager[Contender]]:
    """Those peers that are there."""
    found: list[contextlib.AbstractContextManager[Contender]] = []
    if (PEERS / "litellm" / "bin" / "litellm").exists():
        found.append(litellm(base_url))
    if (PEERS / "portkey" / "node_modules" / "@portkey-ai" / "gateway").exists() and shutil.which("node"):
        found.append(portkey(base_url))
    return found


async def run() -> Report:
    """Measure ours and every installed peer in interleaved rounds."""
    report = Report(title="/v1/chat/completions beside other gateways, same upstream, same load")
    report.note = "A row that is missing: that gateway did not stream on this machine."
    with contextlib.ExitStack() as stack:
        base_url = stack.enter_context(upstream())
        system = stack.enter_context(system_in_front_of(base_url))
        key = {"Authorization": f"Bearer {system.key}"}
        ours = Contender(name="Penstock", url=f"{system.url}/v1/chat/completions", headers=key, model="openai/bench")
        contenders = [ours, *(stack.enter_context(peer) for peer in installed(base_url))]
        direct = Contender(name="direct", url=f"{base_url}/chat/completions")
        async with http_client() as client:
            rows = await measure(client, [direct, *contenders])
    if len(contenders) == 1:
        report.note = "No other gateway is installed; `make bench-peers` installs them."
    for contender in contenders:
        report.figures += figures(contender.name, rows[contender.name], rows["direct"], rows["Penstock"])
    return report


async def measure(client: HttpClient, contenders: list[Contender]) -> dict[str, dict[str, float]]:
    """Medians over the rounds, by contender and quantity."""
    rounds: dict[str, list[dict[str, float]]] = {contender.name: [] for contender in contenders}
    for contender in contenders:
        await latencies(contender.target(client, stream=False), 30)
    for _ in range(ROUNDS):
        for contender in contenders:
            rounds[contender.name].append(await one_round(client, contender))
    return {
        name: {key: statistics.median(one[key] for one in found) for key in found[0]} for name, found in rounds.items()
    }


async def one_round(client: HttpClient, contender: Contender) -> dict[str, float]:
    """Every quantity once."""
    plain, streamed = contender.target(client, stream=False), contender.target(client, stream=True)
    taken = await latencies(plain, 150)
    rate, failed, _ = await throughput(plain, 64, 3)
    found = {"p50": percentile(taken, 0.5), "p99": percentile(taken, 0.99), "rate": rate, "failed": float(failed)}
    if await streams(streamed):
        found["first"] = percentile(await first_chunks(streamed, 50, MARK), 0.5)
        found["chunks"] = await chunk_rate(streamed, 50, MARK)
    return found


async def streams(target: Target) -> bool:
    """Whether the gateway streams at all on this machine."""
    async with target.post() as answer:
        await rest_of(answer)
        return answer.status == 200


def figures(name: str, row: dict[str, float], direct: dict[str, float], ours: dict[str, float]) -> list[Figure]:
    """One contender's figures; ratios say how many times theirs ours are."""
    peer = name != "Penstock"

    def over(label: str, key: str) -> Figure:
        return Figure(name=f"{name}: {label}", value=row[key] - direct[key], unit="ms")

    def rate(label: str, key: str) -> Figure:
        ratio = ours[key] / row[key] if peer else None
        beside = "theirs is ours" if peer else ""
        return Figure(name=f"{name}: {label}", value=row[key], unit="1/s", beside=beside, ratio=ratio)

    found = [over("over p50", "p50"), over("over p99", "p99"), rate("requests/s, 64 connections", "rate")]
    found.append(Figure(name=f"{name}: failed requests", value=row["failed"], unit=""))
    if "chunks" in row:
        found += [over("first chunk over p50", "first"), rate("chunks/s, 50 streams", "chunks")]
    return found

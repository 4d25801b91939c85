"""Prometheus itself, scraping a run each second with the configuration of deploy/prometheus."""

import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import yaml

from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS
from tests.observability.programs import PROMETHEUS, program

Sample = tuple[Mapping[str, str], float]


@dataclass(slots=True, kw_only=True)
class RunningPrometheus:
    """A Prometheus on a port of its own."""

    process: "subprocess.Popen[bytes]"
    http: httpx.Client

    def query(self, expr: str, *, at: float | None = None) -> Sequence[Sample]:
        """Return the samples of an expression, now or at a time."""
        found = self._get("query", {"query": expr, **({} if at is None else {"time": str(at)})})
        if found["resultType"] == "scalar":
            return [({}, float(found["result"][1]))]
        return [(entry["metric"], float(entry["value"][1])) for entry in found["result"]]

    def value(self, expr: str, *, at: float | None = None) -> float:
        """Return the one value of an expression."""
        ((_, value),) = self.query(expr, at=at)
        return value

    def rules(self) -> Sequence[Mapping[str, Any]]:
        """Return the rules with their health."""
        return [rule for group in self._get("rules", {})["groups"] for rule in group["rules"]]

    def scraped_after(self, moment: float, jobs: int) -> bool:
        """Whether each of so many jobs was scraped, well, after a time."""
        targets = self._get("targets", {"state": "active"})["activeTargets"]
        ends = [timestamp_of(target["lastScrape"]) for target in targets if target["health"] == "up"]
        return len(ends) == jobs and min(ends) > moment

    def stop(self) -> None:
        """End it."""
        self.http.close()
        self.process.terminate()
        self.process.wait(timeout=HANG_SECONDS)

    def _get(self, path: str, parameters: Mapping[str, str]) -> Any:
        answer = self.http.get(f"/api/v1/{path}", params=parameters)
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            answer.raise_for_status()  # it is up and not yet ready
        document = answer.json()
        assert document["status"] == "success", f"{parameters}: {document}"
        return document["data"]


def start_prometheus(folder: Path, targets: Mapping[str, int], alertmanager: int) -> RunningPrometheus:
    """Start it with the deployed configuration, but for the targets' addresses and a scrape each second."""
    configuration = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    jobs = {job["job_name"]: job for job in configuration["scrape_configs"]}
    for name, port in targets.items():
        jobs[name]["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
    configuration["scrape_configs"] = [jobs[name] for name in targets]
    for managers in configuration["alerting"]["alertmanagers"]:
        managers["static_configs"] = [{"targets": [f"127.0.0.1:{alertmanager}"]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    (folder / "rules.yml").write_text((PROMETHEUS / "rules.yml").read_text())
    port = free_port()
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return RunningPrometheus(
        process=process, http=httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=HANG_SECONDS)
    )


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Return once `condition()` holds; it may raise httpx errors until then."""
    deadline = time.monotonic() + HANG_SECONDS
    while True:
        try:
            if condition():
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.2)


def timestamp_of(text: str) -> float:
    """Return RFC 3339 with nanoseconds as seconds since 1970."""
    whole, zone = re.fullmatch(r"(.{19})(?:\.\d+)?(.*)", text).groups()  # type: ignore[union-attr]
    return datetime.fromisoformat(f"{whole}{zone.replace('Z', '+00:00')}").timestamp()

"""What the system itself says of the load: latencies by its histograms, and its memory."""

import json
import re
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

# The route behind each name of the load.
ROUTES: Final[Mapping[str, tuple[str, str]]] = {
    "data models": ("GET", "/api/v2/metadata/models"),
    "realtime query": ("POST", "/api/v2/data/query/realtime"),
    "extraction": ("POST", "/api/v2/ai/features/extract"),
    "completion": ("POST", "/v1/chat/completions"),
    "stream, answer begun": ("POST", "/api/v1/conversations/{conversation_id}/stream"),
}
_BUCKET: Final = re.compile(r"^http_request_duration_seconds_bucket\{(.*)\} ([\d.e+]+)$", re.MULTILINE)
_SAMPLE_SECONDS: Final = 2.0
# Beyond the edges of a bucket: what lies between the gateway's clock and the client's.
_SHARE, _MILLISECONDS = 0.05, 5.0
Buckets = Mapping[tuple[str, str], Mapping[float, float]]


def read_buckets(url: str) -> Buckets:
    """Return the cumulative buckets of each route: upper edge in seconds → requests."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        return parse_buckets(answer.read().decode())


def parse_buckets(text: str) -> Buckets:
    """Return the cumulative buckets that a page of metrics holds."""
    found: dict[tuple[str, str], dict[float, float]] = {}
    for labels, value in _BUCKET.findall(text):
        pairs = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        found.setdefault((pairs["method"], pairs["endpoint"]), {})[float(pairs["le"])] = float(value)
    return found


def bucket_of(before: Buckets, after: Buckets, name: str, share: float) -> tuple[float, float] | None:
    """Return the edges, in milliseconds, between which the server puts the `share` of what came meanwhile."""
    route = ROUTES[name]
    edges = sorted(after.get(route, {}))
    counts = [after[route][edge] - before.get(route, {}).get(edge, 0.0) for edge in edges]
    if not counts or not counts[-1]:
        return None
    at = next(place for place, count in enumerate(counts) if count >= share * counts[-1])
    return (edges[at - 1] * 1000 if at else 0.0), edges[at] * 1000


def agrees(edges: tuple[float, float], milliseconds: float) -> bool:
    """Whether what a client has measured fits to the server's bucket: within 5 % and 5 ms of its edges."""
    low, high = edges
    return low * (1 - _SHARE) - _MILLISECONDS <= milliseconds <= high * (1 + _SHARE) + _MILLISECONDS


class Memory:
    """The largest memory (PSS, in MB) of all processes of a system while the block runs."""

    def __init__(self, home: Path) -> None:
        self.most = 0.0
        self._home = home
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            self.most = max(self.most, pss(processes(self._home)))
            self._stop.wait(_SAMPLE_SECONDS)


def processes(home: Path) -> Sequence[int]:
    """Return the process ids of the system that runs on a home, the supervisor's included."""
    state = json.loads((home / "penstock.json").read_text())
    services = [each["process"]["pid"] for each in state["services"].values() if each["process"]]
    return [state["supervisor"]["pid"], *services]


def pss(pids: Sequence[int]) -> float:
    """Return their memory in MB, what they share with each other counted once."""
    total = 0.0
    for pid in pids:
        try:
            total += psutil.Process(pid).memory_full_info().pss / 1024**2
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total

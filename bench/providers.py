"""What the first use of each provider costs beside importing its vendor's SDK, in time and memory."""

import json
import statistics
import subprocess
import sys
from typing import Any, Final

from bench.measure import Figure, Report

ROUNDS: Final = 5
# Provider -> its dialect and the SDK a user of the vendor would import, empty for none.
PROVIDERS: Final = {
    "openai": ("openai", "openai"),
    "anthropic": ("anthropic", "anthropic"),
    "gemini": ("gemini", "google.genai"),
    "fallback": ("rules", ""),
}
GOAL_MS: Final = 120

_BARE: Final = """
import sys, time
began = time.perf_counter()
__import__(sys.argv[1])
print((time.perf_counter() - began) * 1000)
"""

# In a process of its own, as the service does it: everything else of the service is imported already.
_FIRST_USE: Final = """
import asyncio, json, sys, time
import psutil
import llm_service.main
from llm_service.domain.model.profile import ProviderProfile
from llm_service.providers.registry import ProviderRegistry, ProviderServices
from penstock_kit.clock import SystemClock
from penstock_kit.ids import new_id

async def main(dialect):
    profile = ProviderProfile(name="p", dialect=dialect, models=("m",), base_url="http://127.0.0.1:9", keys=("k",))
    services = ProviderServices(clock=SystemClock(), new_id=new_id, connect_timeout=1.0)
    rss = lambda: psutil.Process().memory_info().rss
    registry = ProviderRegistry([profile], services=services, wrap=lambda _, provider: provider, rss_bytes=rss)
    began = time.perf_counter()
    await registry.get("p")
    first_use = (time.perf_counter() - began) * 1000
    loaded = registry.loaded("p")
    await registry.close()
    print(json.dumps({"ms": first_use, "sdk_ms": loaded.import_seconds * 1000, "mb": loaded.memory_bytes / 1024**2}))

asyncio.run(main(sys.argv[1]))
"""


async def run() -> Report:
    """Measure every provider in processes of their own, bare import and first use in turn."""
    report = Report(
        title="First use of a provider",
        note="Median of 5, each in a process of its own: the bare import of the SDK beside the first use through us.",
    )
    for name, (dialect, sdk) in PROVIDERS.items():
        report.figures += measured(name, dialect, sdk)
    return report


def measured(name: str, dialect: str, sdk: str) -> list[Figure]:
    """Return the figures of one provider."""
    bare: list[float] = []
    uses: list[dict[str, Any]] = []
    for _ in range(ROUNDS):
        if sdk:
            bare.append(float(in_process(_BARE, sdk)))
        uses.append(json.loads(in_process(_FIRST_USE, dialect).splitlines()[-1]))
    imported = statistics.median(bare) if bare else 0.0
    first, sdk_part, memory = (statistics.median(use[part] for use in uses) for part in ("ms", "sdk_ms", "mb"))
    beside = f"bare import of {sdk} {imported:,.0f} ms" if sdk else "no SDK"
    return [
        Figure(name=f"{name}: first use", value=first, unit="ms", beside=beside),
        Figure(name=f"{name}: of that the SDK's import", value=sdk_part, unit="ms"),
        Figure(name=f"{name}: beyond the bare import", value=first - imported, unit="ms", goal=f"≤ {GOAL_MS} ms"),
        Figure(name=f"{name}: memory", value=memory, unit="MB"),
    ]


def in_process(program: str, argument: str) -> str:
    """Run `program` in a Python of its own and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program, argument], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout

"""`python -m bench [name …]`: run the named benchmarks, or all; print tables, write results and docs/performance.md.

One that reads data of others takes its folder: `python -m bench anomalies=FOLDER`; it is none of all.
"""

import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from bench import (
    anomalies,
    backup,
    cache,
    chat,
    completions,
    dashboard,
    hop,
    ingest,
    kernel,
    mqtt,
    peers,
    pieces,
    providers,
    read_mix,
    reader,
    shared_cache,
    startup,
    workers,
)
from bench.measure import Report, machine
from bench.page import lines, save
from penstock_kit.grpc.process import collect_rarely

BENCHMARKS = {
    "startup": startup.run,
    "backup": backup.run,
    "completions": completions.run,
    "cache": cache.run,
    "shared_cache": shared_cache.run,
    "read_mix": read_mix.run,
    "chat": chat.run,
    "pieces": pieces.run,
    "dashboard": dashboard.run,
    "feature": kernel.run,
    "ingest": ingest.run,
    "mqtt": mqtt.run,
    "hop": hop.run,
    "reader": reader.run,
    "peers": peers.run,
    "providers": providers.run,
    "workers": workers.run,
}
ON_DATA = {"anomalies": anomalies.run}


def main() -> int:
    """Run what was asked for."""
    names = sys.argv[1:] or list(BENCHMARKS)
    chosen = {
        name: run for name, _, folder in (each.partition("=") for each in names) if (run := runner_of(name, folder))
    }
    if len(chosen) < len(names):
        known = [*BENCHMARKS, *(f"{name}=FOLDER" for name in ON_DATA)]
        print(f"no benchmark among {', '.join(names)}: there are {', '.join(known)}", file=sys.stderr)
        return 2
    print(machine())
    # What is measured inside this process runs in services that do so.
    collect_rarely()
    reports: dict[str, Report] = {}
    for name, run in chosen.items():
        reports[name] = uvloop.run(run())
        print("\n".join(lines(reports[name])), flush=True)
    save(reports)
    return 0


def runner_of(name: str, folder: str) -> Callable[[], Coroutine[Any, Any, Report]] | None:
    """Return what runs a benchmark, None for what is none."""
    if folder:
        return partial(ON_DATA[name], Path(folder)) if name in ON_DATA else None
    return BENCHMARKS.get(name)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench [name …]`: run the named benchmarks, or all; print tables, write results and docs/performance.md."""

import sys

import uvloop

from bench import (
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


def main() -> int:
    """Run what was asked for."""
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    print(machine())
    # What is measured inside this process runs in services that do so.
    collect_rarely()
    reports: dict[str, Report] = {}
    for name in names:
        reports[name] = uvloop.run(BENCHMARKS[name]())
        print("\n".join(lines(reports[name])), flush=True)
    save(reports)
    return 0


if __name__ == "__main__":
    sys.exit(main())

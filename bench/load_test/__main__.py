"""`make load`: lets people, streams and models come to a running system and reports what came of it.

python -m bench.load_test [--seconds 60] [--mode mixed|throughput|all] [--url URL] [--home FOLDER] [--page]

Exit code 1 when a request failed, or when the generator had no time to spare; 2 when there is nothing to come to.
"""

import argparse
import sys
from pathlib import Path

from bench.load_test.generator import LOCUST, Load, run
from bench.load_test.page import Run, report, save
from bench.load_test.prepare import Place, prepare, what_is_missing
from bench.load_test.server import Memory, read_buckets


def main() -> int:
    """Run what was asked for."""
    options = _options()
    if not LOCUST.exists():
        print("Locust is not installed: scripts/load-env does it", file=sys.stderr)
        return 2
    if missing := what_is_missing(options.url, options.home):
        print(missing, file=sys.stderr)
        return 2
    place = prepare(options.url, options.home)
    runs = [_measured(place, load) for load in _loads(options)]
    for each in runs:
        print(report(each))
    if options.page:
        save(runs)
    return 0 if all(each.valid and not each.measured.failed for each in runs) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make load")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--mode", choices=("mixed", "throughput", "all"), default="all")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--home", type=Path, default=Path("var"))
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--modellers", type=int, default=5)
    parser.add_argument("--hurried", type=int, default=32, help="people who do not wait, in the throughput mode")
    parser.add_argument("--processes", type=int, default=1, help="of the generator, in the throughput mode")
    parser.add_argument("--page", action="store_true")
    return parser.parse_args()


def _loads(options: argparse.Namespace) -> list[Load]:
    mixed = Load(
        title="Mixed load: people who read, streams, models",
        people=options.people,
        readers=options.readers,
        modellers=options.modellers,
        seconds=options.seconds,
    )
    hurried = Load(
        title="Throughput: people who do not wait",
        people=options.hurried,
        readers=0,
        modellers=0,
        seconds=options.seconds,
        wait="0",
        processes=options.processes,
    )
    return {"mixed": [mixed], "throughput": [hurried], "all": [mixed, hurried]}[options.mode]


def _measured(place: Place, load: Load) -> Run:
    before = read_buckets(place.url)
    with Memory(place.home) as memory:
        measured = run(place, load)
    return Run(measured=measured, before=before, after=read_buckets(place.url), memory=memory.most)


if __name__ == "__main__":
    sys.exit(main())

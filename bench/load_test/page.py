"""The report of a load: tables, a picture of each, and docs/load.md."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.load_test.generator import SPANS, Measured
from bench.load_test.server import ROUTES, Buckets, agrees, bucket_of
from bench.measure import machine, percentile

PAGE: Final = Path(__file__).parents[2] / "docs" / "load.md"
START, END = "<!-- written by `make load PAGE=1` -->", "<!-- end of what is written -->"
# Above this share of a processor the generator measures itself.
MOST_CPU: Final = 0.8
_WIDTH, _HEIGHT, _LEFT, _TOP, _BAND = 860, 330, 64, 28, 110
_STYLE: Final = (
    "text{font:12px sans-serif;fill:#333}line{stroke:#ddd}polyline{fill:none;stroke-width:2}"
    ".p50{stroke:#0a7d4f}.p99{stroke:#c0392b}.rate{stroke:#1f5fa8}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A load with what the system said before and after, and its largest memory in MB."""

    measured: Measured
    before: Buckets
    after: Buckets
    memory: float

    @property
    def valid(self) -> bool:
        """Whether the generator had time to spare: else it has measured itself."""
        return self.measured.cpu <= MOST_CPU


def report(run: Run) -> str:
    """Return one load as Markdown, without its picture."""
    measured, load = run.measured, run.measured.load
    rate = measured.requests / measured.seconds if measured.seconds else 0.0
    void = "" if run.valid else f" **Void: above {MOST_CPU:.0%} the generator measures itself.**"
    lines = [
        f"### {load.title}",
        "",
        f"{load.people} people, {load.readers} readers of streams, {load.modellers} askers of models for "
        f"{load.seconds} s, {load.wait} s between requests. {rate:,.0f} requests/s, {measured.failed} of "
        f"{measured.requests:,} failed; memory of all processes at most {run.memory:.0f} MB (PSS); the generator took "
        f"{measured.cpu:.0%} of a processor.{void}",
        "",
        "| | requests | failed | p50 | p95 | p99 | most | the server's p50 · p95 · p99 | agree |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_row(run, name) for name in sorted(measured.taken)),
        "",
    ]
    failures = measured.failures.items()
    reasons = [f"- {name}: {count} × {why}" for name, counts in failures for why, count in counts.items()]
    return "\n".join([*lines, *reasons, *([""] if reasons else [])])


def _row(run: Run, name: str) -> str:
    taken = [milliseconds for _, milliseconds in run.measured.taken[name]]
    failed = run.measured.failures.get(name)
    shown = [percentile(taken, share) for share in (0.5, 0.95, 0.99)]
    own, agreed = _server(run, name, shown)
    cells = [name, f"{len(taken):,}", str(failed.total() if failed else 0), *(f"{each:.0f} ms" for each in shown)]
    return "| " + " | ".join([*cells, f"{max(taken):.0f} ms", own, agreed]) + " |"


def _server(run: Run, name: str, shown: Sequence[float]) -> tuple[str, str]:
    """Return the server's buckets in words, and whether the client's figures fit to them."""
    if name not in ROUTES:
        return "", ""
    found = [bucket_of(run.before, run.after, name, share) for share in (0.5, 0.95, 0.99)]
    texts, fits = list[str](), list[bool]()
    for edges, milliseconds in zip(found, shown, strict=True):
        if edges is None:
            return "–", "–"
        texts.append(f"{edges[0]:g}–{edges[1]:g}")
        fits.append(agrees(edges, milliseconds))
    return f"{' · '.join(texts)} ms", "yes" if all(fits) else "**no**"


def picture(run: Run) -> str:
    """Return the SVG: requests a second, and p50 and p99 of each second, over the time of the load."""
    by_second: dict[int, list[float]] = defaultdict(list)
    for name, taken in run.measured.taken.items():
        if name not in SPANS:
            for second, milliseconds in taken:
                by_second[second].append(milliseconds)
    seconds = sorted(by_second)
    rates = [float(len(by_second[second])) for second in seconds]
    p50 = [percentile(by_second[second], 0.5) for second in seconds]
    p99 = [percentile(by_second[second], 0.99) for second in seconds]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{run.measured.load.title}: requests and latencies over time">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        *_band(_TOP, "requests/s", max(rates, default=1.0), [(rates, "rate", "")]),
        *_band(_TOP + _BAND + 50, "ms", max(p99, default=1.0), [(p50, "p50", "p50"), (p99, "p99", "p99")]),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _band(top: int, unit: str, most: float, lines: Sequence[tuple[Sequence[float], str, str]]) -> list[str]:
    width, most = _WIDTH - _LEFT - 60, most or 1.0
    parts: list[str] = []
    for part in range(5):
        y = top + _BAND - part * _BAND / 4
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_LEFT + width}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{most * part / 4:.0f}</text>')
    parts.append(f'<text x="{_LEFT}" y="{top - 10}">{unit}</text>')
    for values, name, title in lines:
        step = width / max(1, len(values) - 1)
        places = " ".join(
            f"{_LEFT + at * step:.1f},{top + _BAND - value / most * _BAND:.1f}" for at, value in enumerate(values)
        )
        parts.append(f'<polyline class="{name}" points="{places}"/>')
        if values and title:
            y = top + _BAND - values[-1] / most * _BAND
            parts.append(f'<text x="{_LEFT + width + 6}" y="{y + 4:.1f}">{title}</text>')
    return parts


def save(runs: Sequence[Run], page: Path = PAGE) -> None:
    """Write the page, and its pictures beside it."""
    body: list[str] = []
    for run in runs:
        name = f"load-{run.measured.load.title.split()[0].lower().strip(':')}.svg"
        (page.parent / name).write_text(picture(run))
        body += [report(run), f"![Requests and latencies over time]({name})", ""]
    before, rest = page.read_text().split(START)
    _, after = rest.split(END)
    page.write_text(f"{before}{START}\n\n" + "\n".join(body) + f"\nTaken on: {machine()}.\n\n{END}{after}")

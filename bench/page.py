"""Results as a table in the terminal, as JSON, and as docs/performance.md."""

import dataclasses
import json
from pathlib import Path

from bench.measure import Figure, Report, machine

RESULTS = Path(__file__).parent / "results" / "latest.json"
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
START, END = "<!-- figures: written by `make bench` -->", "<!-- end of figures -->"


def lines(report: Report) -> list[str]:
    """The report as a Markdown table."""
    head = [f"### {report.title}", "", "| | measured | beside | goal |", "|---|---|---|---|"]
    rows = [f"| {item.name} | {shown(item)} | {beside(item)} | {item.goal} |" for item in report.figures]
    return [*head, *rows, "", *([report.note, ""] if report.note else [])]


def shown(figure: Figure) -> str:
    """The value with as many digits as it deserves."""
    digits = 0 if figure.value >= 100 or figure.value == int(figure.value) else 2
    return f"{figure.value:,.{digits}f} {figure.unit}".strip()


def beside(figure: Figure) -> str:
    """The comparison in words."""
    return f"{figure.ratio:.2f} × {figure.beside}" if figure.ratio is not None else figure.beside


def save(reports: dict[str, Report]) -> None:
    """Merge the new reports into the saved ones and write JSON and page."""
    saved = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    saved |= {name: dataclasses.asdict(report) | {"machine": machine()} for name, report in reports.items()}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(saved, indent=1, ensure_ascii=False) + "\n")
    text = PAGE.read_text()
    before, rest = text.split(START)
    _, after = rest.split(END)
    body: list[str] = []
    for item in saved.values():
        figures = [Figure(**figure) for figure in item["figures"]]
        body += lines(Report(title=item["title"], figures=figures, note=item["note"]))
        body += [f"Taken on: {item['machine']}.", ""]
    PAGE.write_text(f"{before}{START}\n\n" + "\n".join(body) + f"{END}{after}")

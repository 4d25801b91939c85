"""Text between two markers of a page, which a script writes and `make docs-check` compares."""

import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent


def marked(page: Path, name: str, body: str) -> str:
    """Return the page's text with `body` between the markers of `name`; ValueError when one of them is missing."""
    start, end = f"<!-- {name}: written by `make docs` -->", f"<!-- end of {name} -->"
    before, found, rest = page.read_text().partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{page.name} has no lines {start} and {end}")
    return f"{before}{start}\n\n{body.strip()}\n\n{end}{after}"


def write_or_check(files: dict[Path, str]) -> int:
    """Write the files, or with --check name those that are stale and return 1."""
    stale = [file for file, text in files.items() if not file.exists() or file.read_text() != text]
    names = ", ".join(str(file.relative_to(ROOT)) for file in stale)
    if "--check" in sys.argv:
        print(f"stale: {names}; run `make docs`" if stale else "the generated pages are current")
        return 1 if stale else 0
    for file in stale:
        file.write_text(files[file])
    return 0

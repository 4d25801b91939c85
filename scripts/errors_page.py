"""Write the tables of docs/errors.md from the code: the kinds, the endings of reasons, and the reasons.

python scripts/errors_page.py           writes them between their markers
python scripts/errors_page.py --check   exits 1 when they are stale; writes nothing
"""

import sys
from typing import Final

import grpc
from marked_text import ROOT, marked, write_or_check

from penstock_kit.errors.kind import KIND_TABLE, ErrorKind
from penstock_kit.errors.reasons import ENDINGS, SECTIONS, Section

PAGE: Final = ROOT / "docs" / "errors.md"
GRPC_NAMES: Final = {code.value[0]: code.name for code in grpc.StatusCode}


def reasons() -> str:
    """The grammar and every table of reasons."""
    lines = ["| ending | says |", "|---|---|", *(f"| `X{ending}` | {meaning} |" for ending, meaning in ENDINGS.items())]
    for section in SECTIONS:
        lines += ["", *table(section)]
    return "\n".join(lines)


def table(section: Section) -> list[str]:
    """One section's heading, note and rows."""
    rows = [
        f"| `{row.reason}` | {codes(row.kinds)} | {escaped(row.when)} | {escaped(row.remedy)} |" for row in section.rows
    ]
    head = [f"### {section.title}", ""] + ([section.note, ""] if section.note else [])
    return [*head, "| reason | HTTP, gRPC | when | what to do |", "|---|---|---|---|", *rows]


def codes(kinds: tuple[ErrorKind, ...]) -> str:
    """The codes a reason comes with; one that passes on what others said comes with any."""
    if len(kinds) > 3:
        return "that of the failure"
    return "; ".join(f"{KIND_TABLE[kind].http} `{GRPC_NAMES[KIND_TABLE[kind].grpc]}`" for kind in kinds)


def escaped(text: str) -> str:
    """Text that may stand in a cell."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(write_or_check({PAGE: marked(PAGE, "reasons", reasons())}))

"""Write docs/openapi.json: the document that a running gateway serves, in a form that shows its changes line by line.

    python scripts/openapi_document.py

Starts a system of its own without demo data, asks it, and stops it. Needs penstock-testkit.
"""

import json
import tempfile
import urllib.request
from pathlib import Path
from typing import Any, Final

from penstock_testkit.system import start_system

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "openapi.json"


def served(url: str) -> dict[str, Any]:
    """Return the document that the gateway at `url` serves."""
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=60) as answer:
        return json.load(answer)


def as_text(document: dict[str, Any]) -> str:
    """Return the document as the file has it."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder:
        system = start_system(Path(folder) / "home", demo=False)
        try:
            DOCUMENT.write_text(as_text(served(system.url)), "utf-8")
        finally:
            system.stop()


if __name__ == "__main__":
    main()

"""Draw the pictures of docs/architecture.md from the imports of the code: the packages, and the rooms of each service.

python scripts/architecture_page.py           draws them between their markers
python scripts/architecture_page.py --check   exits 1 when they are stale; writes nothing
"""

import sys
from collections.abc import Iterable, Sequence
from typing import Final

import grimp
from marked_text import ROOT, marked, write_or_check

PAGE: Final = ROOT / "docs" / "architecture.md"
SERVICES: Final = ("gateway", "llm_service", "chat_stream_service", "feature_service", "cache_service")
PACKAGES: Final = ("penstock_cli", *SERVICES, "penstock_testkit", "penstock_kit", "penstock")


def main() -> int:
    """Draw, or check the drawing."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    pictures = [picture("The packages", mermaid(boxes(PACKAGES), arrows(graph, PACKAGES)))]
    pictures += [picture(service.replace("_", "-"), rooms(graph, service)) for service in SERVICES]
    return write_or_check({PAGE: marked(PAGE, "pictures", "\n\n".join(pictures))})


def picture(title: str, lines: Iterable[str]) -> str:
    """A heading and a Mermaid drawing."""
    return "\n".join([f"### {title}", "", "```mermaid", *lines, "```"])


def rooms(graph: grimp.ImportGraph, service: str) -> list[str]:
    """A service's packages, its domain with the rooms inside, and who imports whom."""
    outer = packages(graph, service)
    domain = f"{service}.domain"
    inner = packages(graph, domain) if domain in outer else []
    nodes = boxes([room for room in outer if room != domain])
    if domain in outer:
        nodes += [f"  subgraph {identifier(domain)}[domain]", *(f"  {line}" for line in boxes(inner)), "  end"]
    return mermaid(nodes, arrows(graph, outer) + arrows(graph, inner))


def packages(graph: grimp.ImportGraph, parent: str) -> list[str]:
    """The packages directly in one that hold modules of their own, in order."""
    return sorted(child for child in graph.find_children(parent) if graph.find_children(child))


def arrows(graph: grimp.ImportGraph, names: Sequence[str]) -> list[str]:
    """An arrow from each of the packages to every other one that it imports."""
    return [
        f"  {identifier(one)} --> {identifier(other)}"
        for one in names
        for other in names
        if one != other and graph.direct_import_exists(importer=one, imported=other, as_packages=True)
    ]


def boxes(names: Iterable[str]) -> list[str]:
    """A box for each package, with its own name in it."""
    return [f"  {identifier(name)}[{name.rpartition('.')[2]}]" for name in names]


def identifier(name: str) -> str:
    """A name that Mermaid takes for a node; the prefix keeps it from being one of its words."""
    return "p_" + name.replace(".", "_")


def mermaid(nodes: Iterable[str], edges: Iterable[str]) -> list[str]:
    """The text of a drawing from top to bottom."""
    return ["flowchart TD", *nodes, *edges]


if __name__ == "__main__":
    sys.exit(main())

"""Draw docs/semantic-cache.svg: precision over recall on the pairs that were held out, with guards and without.

python -m bench.semantic_curve           writes the picture
python -m bench.semantic_curve --check   exits 1 when it is stale; writes nothing
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.semantic_quality import Quality, judged_pairs, quality

PICTURE: Final = Path(__file__).resolve().parent.parent / "docs" / "semantic-cache.svg"
SHIPPED: Final = 0.85
_THRESHOLDS: Final = [number / 100 for number in range(30, 100)]
_WIDTH, _HEIGHT, _LEFT, _TOP = 640, 400, 70, 30
_PLOT_WIDTH, _PLOT_HEIGHT = 540, 300
_LOWEST: Final = 0.4
_STYLE: Final = """text{font:13px sans-serif;fill:#333}line{stroke:#ccc}.axis{stroke:#333}
polyline{fill:none;stroke-width:2.5}.guarded{stroke:#0a7d4f}.plain{stroke:#c0392b}circle.guarded{fill:#0a7d4f}
circle.plain{fill:#c0392b}"""


def picture() -> str:
    """Return the SVG."""
    held_out = [each for each in judged_pairs() if each.pair.held_out]
    guarded = [quality(held_out, threshold) for threshold in _THRESHOLDS]
    plain = [quality(held_out, threshold, guarded=False) for threshold in _THRESHOLDS]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        'aria-label="Precision over recall of the semantic cache">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        *_grid(),
        _line(guarded, "guarded"),
        _line(plain, "plain"),
        _point(quality(held_out, SHIPPED), "guarded", "with guards", 18),
        _point(quality(held_out, SHIPPED, guarded=False), "plain", "similarity alone", 18),
        f'<text x="{_LEFT + _PLOT_WIDTH / 2:.0f}" y="{_HEIGHT - 12}" text-anchor="middle">recall</text>',
        f'<text x="18" y="{_TOP + _PLOT_HEIGHT / 2:.0f}" transform="rotate(-90 18 {_TOP + _PLOT_HEIGHT / 2:.0f})" '
        'text-anchor="middle">precision</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _grid() -> Sequence[str]:
    lines: list[str] = []
    for tenth in range(11):
        x = _x(tenth / 10)
        lines.append(f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_TOP + _PLOT_HEIGHT}"/>')
        lines.append(f'<text x="{x:.1f}" y="{_TOP + _PLOT_HEIGHT + 18}" text-anchor="middle">{tenth / 10:.1f}</text>')
    for tenth in range(round(_LOWEST * 10), 11):
        y = _y(tenth / 10)
        lines.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_LEFT + _PLOT_WIDTH}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tenth / 10:.1f}</text>')
    return lines


def _line(points: Sequence[Quality], name: str) -> str:
    places = " ".join(f"{_x(each.recall):.1f},{_y(each.precision):.1f}" for each in points)
    return f'<polyline class="{name}" points="{places}"/>'


def _point(at: Quality, name: str, title: str, below: int) -> str:
    x, y = _x(at.recall), _y(at.precision)
    said = f"{title}: precision {at.precision:.3f}, recall {at.recall:.3f} at {at.threshold:.2f}"
    return (
        f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
        f'<text x="{x - 10:.1f}" y="{y + below:.1f}" text-anchor="end">{said}</text>'
    )


def _x(recall: float) -> float:
    return _LEFT + recall * _PLOT_WIDTH


def _y(precision: float) -> float:
    return _TOP + (1 - (precision - _LOWEST) / (1 - _LOWEST)) * _PLOT_HEIGHT


def main() -> int:
    """Write or check the picture."""
    drawn = picture()
    if "--check" not in sys.argv:
        PICTURE.write_text(drawn, encoding="utf-8")
        return 0
    if PICTURE.exists() and PICTURE.read_text(encoding="utf-8") == drawn:
        return 0
    print(f"{PICTURE.name} is stale: make docs", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""Plots as SVG: paths and texts alone, readable on light and dark pages and by screen readers."""

from html import escape
from typing import Final

import numpy as np

from feature_service.domain.model.array import FloatArray
from feature_service.domain.plot.axis import time_ticks, value_ticks
from feature_service.domain.plot.plot import Line, Panel, Plot

_LEFT: Final = 70
_RIGHT: Final = 14
_TOP: Final = 44
_BOTTOM: Final = 34
_GAP: Final = 22
_STYLE: Final = (
    "text{font:12px system-ui,sans-serif;fill:#333}.t{font-weight:600;font-size:14px}.g{stroke:#8884;stroke-width:1}"
    ".l{fill:none;stroke:#1f6feb;stroke-width:1.2}.s{fill:none;stroke:#d97706;stroke-width:1.6}.m{fill:#d1242f}"
    ".b{fill:#d1242f;opacity:.16}@media(prefers-color-scheme:dark){text{fill:#ddd}.l{stroke:#6cb0ff}}"
)


def draw_svg(plot: Plot) -> bytes:
    """Return the plot as SVG."""
    room = plot.height - _TOP - _BOTTOM - _GAP * (len(plot.panels) - 1)
    height = max(20.0, room / len(plot.panels))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{plot.width}" height="{plot.height}" '
        f'viewBox="0 0 {plot.width} {plot.height}"><title>{_text(plot.title)}</title>'
        f"<desc>{_text(plot.note or 'values over time, times in UTC')}</desc><style>{_STYLE}</style>",
        f'<text class="t" x="{_LEFT}" y="18">{_text(plot.title)}</text>',
        f'<text x="{_LEFT}" y="34">{_text(plot.note)}</text>',
    ]
    for place, panel in enumerate(plot.panels):
        parts.append(_PanelArea(plot, panel, _TOP + place * (height + _GAP), height).drawn())
    for micros, text in time_ticks(plot.start, plot.end, max(2, plot.width // 130)):
        across = _across(plot, micros)
        parts.append(f'<text x="{across:.1f}" y="{plot.height - 10}" text-anchor="middle">{text}</text>')
    return "".join([*parts, "</svg>"]).encode()


class _PanelArea:
    """Draws one panel between `top` and `top` + `height`."""

    def __init__(self, plot: Plot, panel: Panel, top: float, height: float) -> None:
        self._plot, self._panel, self._top, self._height = plot, panel, top, height
        self._low, self._high = _range(panel)

    def drawn(self) -> str:
        """Return the elements of the panel."""
        panel, plot = self._panel, self._plot
        right, bottom = plot.width - _RIGHT, self._top + self._height
        parts = [f'<text x="{_LEFT}" y="{self._top - 4:.1f}">{_text(panel.title)}</text>']
        for start, end in panel.shaded:
            left, width = _across(plot, start), max(1.0, _across(plot, end) - _across(plot, start))
            box = f'x="{left:.1f}" y="{self._top:.1f}" width="{width:.1f}" height="{self._height:.1f}"'
            parts.append(f'<rect class="b" {box}/>')
        for value, text in value_ticks(self._low, self._high, max(2, int(self._height // 36))):
            down = float(self._down(np.array([value]))[0])
            parts.append(f'<path class="g" d="M{_LEFT} {down:.1f}H{right}"/>')
            parts.append(f'<text x="{_LEFT - 6}" y="{down + 4:.1f}" text-anchor="end">{text}</text>')
        parts.append(f'<path class="g" d="M{_LEFT} {bottom:.1f}H{right}"/>')
        parts += [f'<path class="l" d="{self._path(line)}"/>' for line in panel.lines if len(line.times)]
        parts += [f'<path class="s" d="{self._path(line)}"/>' for line in panel.steps if len(line.times)]
        if panel.marks is not None:
            points = zip(self._along(panel.marks), self._down(panel.marks.values).tolist(), strict=True)
            parts += [f'<circle class="m" cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>' for x, y in points]
        return "".join(parts)

    def _path(self, line: Line) -> str:
        points = zip(self._along(line), self._down(line.values).tolist(), strict=True)
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        return f"M{path}" if len(line.times) > 1 else f"M{path}h1"

    def _along(self, line: Line) -> list[float]:
        return [_across(self._plot, micros) for micros in line.times.tolist()]

    def _down(self, values: FloatArray) -> FloatArray:
        share = (values - self._low) / (self._high - self._low)
        return self._top + self._height * (1.0 - share)


def _across(plot: Plot, micros: float) -> float:
    width = plot.width - _LEFT - _RIGHT
    return _LEFT + width * (micros - plot.start) / (plot.end - plot.start)


def _range(panel: Panel) -> tuple[float, float]:
    """The ends of the axis of values; a line that rests lies in its middle."""
    values = np.concatenate([line.values for line in panel.lines] or [np.empty(0)])
    if len(values) == 0:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = (high - low) * 0.04 or max(abs(low) * 0.01, 1e-9)
    return low - room, high + room


def _text(text: str) -> str:
    """A text that XML takes: without control characters, and with its marks escaped."""
    return escape("".join(mark for mark in text if mark.isprintable()))

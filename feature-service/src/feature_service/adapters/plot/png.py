"""Plots as PNG, by matplotlib (the extra `plot`): figures of their own, as pyplot keeps each and shares its state."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# matplotlib is an extra.

import io
from typing import Any, Final

from feature_service.domain.plot.plot import Panel, Plot
from penstock_kit.errors import FailedPrecondition

_DPI: Final = 100
_LEFT: Final = 76
"""Pixels left of the panels, for the numbers of their axes; a layout that looks for them draws everything twice."""
_RIGHT: Final = 16
_TOP: Final = 48
_BOTTOM: Final = 28
_BETWEEN: Final = 34
"""Pixels between two panels, for the title of the lower one and the times of the upper one."""
_QUICKLY: Final = {"compress_level": 1}


def draw_png(plot: Plot) -> bytes:
    """Return the plot as PNG. Raises FailedPrecondition EXTRA_UNAVAILABLE."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise FailedPrecondition(
            "PNG needs matplotlib: pip install 'penstock-feature-service[plot]'; or ask for format=svg",
            reason="EXTRA_UNAVAILABLE",
        ) from None
    figure: Any = Figure(figsize=(plot.width / _DPI, plot.height / _DPI), dpi=_DPI)
    rows: Any = figure.subplots(len(plot.panels), 1, sharex=True, squeeze=False, gridspec_kw=places(plot))
    figure.suptitle(_plain(f"{plot.title}\n{plot.note}" if plot.note else plot.title), fontsize=10)
    for axes, panel in zip(rows[:, 0], plot.panels, strict=True):
        _draw(axes, panel)
    rows[-1, 0].set_xlim(_time(plot.start), _time(plot.end))
    file = io.BytesIO()
    figure.savefig(file, format="png", pil_kwargs=_QUICKLY)
    return file.getvalue()


def places(plot: Plot) -> dict[str, float]:
    """Return where the panels are, as shares of the picture; in a small one they are as high as what lies between."""
    left, right = _LEFT / plot.width, 1 - _RIGHT / plot.width
    bottom, top = _BOTTOM / plot.height, 1 - _TOP / plot.height
    between = min(_BETWEEN / plot.height, (top - bottom) / (2 * len(plot.panels)))
    panel = (top - bottom + between) / len(plot.panels) - between
    return {"left": left, "right": max(right, left + 0.01), "bottom": bottom, "top": top, "hspace": between / panel}


def _draw(axes: Any, panel: Panel) -> None:
    axes.set_title(_plain(panel.title), fontsize=9, loc="left")
    axes.grid(visible=True, alpha=0.3)
    for line in panel.lines:
        axes.plot(line.times.view("datetime64[us]"), line.values, color="#1f6feb", linewidth=1)
    for line in panel.steps:
        axes.plot(line.times.view("datetime64[us]"), line.values, color="#d97706", linewidth=1.5)
    if panel.marks is not None:
        axes.plot(panel.marks.times.view("datetime64[us]"), panel.marks.values, ".", color="#d1242f")
    for start, end in panel.shaded:
        axes.axvspan(_time(start), _time(end), color="#d1242f", alpha=0.16, linewidth=0)


def _time(micros: int) -> Any:
    import numpy as np

    return np.datetime64(micros, "us")


def _plain(text: str) -> str:
    """A text without the marks of formulas."""
    return text.replace("$", r"\$")

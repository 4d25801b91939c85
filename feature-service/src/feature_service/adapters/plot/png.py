"""Plots as PNG, by matplotlib (the extra `plot`): figures of their own, as pyplot keeps each and shares its state."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# matplotlib is an extra.

import io
from typing import Any, Final

from feature_service.domain.plot.plot import Panel, Plot
from penstock_kit.errors import FailedPrecondition

_DPI: Final = 100


def draw_png(plot: Plot) -> bytes:
    """Return the plot as PNG. Raises FailedPrecondition EXTRA_UNAVAILABLE."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise FailedPrecondition(
            "PNG needs matplotlib: pip install 'penstock-feature-service[plot]'; or ask for format=svg",
            reason="EXTRA_UNAVAILABLE",
        ) from None
    figure: Any = Figure(figsize=(plot.width / _DPI, plot.height / _DPI), dpi=_DPI, layout="constrained")
    rows: Any = figure.subplots(len(plot.panels), 1, sharex=True, squeeze=False)
    figure.suptitle(_plain(f"{plot.title}\n{plot.note}" if plot.note else plot.title), fontsize=10)
    for axes, panel in zip(rows[:, 0], plot.panels, strict=True):
        _draw(axes, panel)
    rows[-1, 0].set_xlim(_time(plot.start), _time(plot.end))
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


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

"""The line through a course: how steep it is, and whether it goes up or down at all."""

from collections.abc import Sequence
from datetime import datetime


def slope(points: Sequence[tuple[datetime, float]]) -> float:
    """Return the rise an hour of the least-squares line through points of different times."""
    hours = [(time - points[0][0]).total_seconds() / 3600 for time, _ in points]
    middle, mean = sum(hours) / len(points), sum(value for _, value in points) / len(points)
    rise = sum((hour - middle) * (value - mean) for hour, (_, value) in zip(hours, points, strict=True))
    return rise / sum((hour - middle) ** 2 for hour in hours)


def direction_of(values: Sequence[float]) -> int:
    """Return 1 where values in even steps rise by more than they scatter around their line, -1 where they fall so."""
    count = len(values)
    middle, mean = (count - 1) / 2, sum(values) / count
    step = sum((at - middle) * (value - mean) for at, value in enumerate(values))
    step /= sum((at - middle) ** 2 for at in range(count))
    rise = step * (count - 1)
    rest = (sum((value - mean - step * (at - middle)) ** 2 for at, value in enumerate(values)) / count) ** 0.5
    if abs(rise) <= 2 * rest or abs(rise) < 1e-9 * max(1.0, abs(mean)):
        return 0
    return 1 if rise > 0 else -1

"""Numbers as they are told: significant digits, percent."""


def number(value: float | None, digits: int = 6) -> str:
    """Return `value` with `digits` significant digits and without needless zeros; "–" for none."""
    if value is None:
        return "–"
    whole = 10**digits <= abs(value) < 1e15
    return f"{value:.0f}" if whole else f"{value:.{digits}g}"


def percent(ratio: float) -> str:
    """Return `ratio` as percent with three significant digits."""
    return number(100 * ratio, 3)

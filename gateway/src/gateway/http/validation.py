"""What is wrong with a request, field by field, as pydantic found it."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final

from penstock_kit.errors import FieldViolation, PenstockError, Unprocessable

# Fields whose problems are told: a body of many wrong ones would make an answer larger than itself.
_MOST: Final = 100


def validation_error(problems: Sequence[Any]) -> PenstockError:
    """Return the error that says what `problems` (of pydantic or FastAPI) are."""
    violations = [
        FieldViolation(field=_field(problem["loc"]), description=_description(problem)) for problem in problems[:_MOST]
    ]
    listed = "; ".join(f"{entry.field}: {entry.description}" for entry in violations[:3])
    if len(problems) > _MOST:
        listed += f"; and {len(problems) - 3} more, of which {_MOST - 3} are told"
    return Unprocessable(f"the request is not valid: {listed}", reason="VALIDATION_FAILED", violations=violations)


def unknown_parameters_error(unknown: Sequence[str], known: Sequence[str]) -> PenstockError:
    """Return the error that names each of the `unknown` parameters, and what of the `known` may have been meant."""
    violations = [FieldViolation(field=name, description=_unknown(name, known)) for name in unknown]
    listed = "; ".join(f"{entry.field}: {entry.description}" for entry in violations[:3])
    return Unprocessable(f"the request is not valid: {listed}", reason="VALIDATION_FAILED", violations=violations)


def _field(location: Sequence[Any]) -> str:
    """Return ``rows[3].timestamp`` for ("body", "rows", 3, "timestamp"), the name alone for a parameter."""
    names = [part for part in location if part not in {"body", "query", "path", "header"}] or [location[0]]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in names)
    return text.removeprefix(".")


def _description(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return "is unknown; this request has no such field"
    # What a check of ours says, without the prefix that pydantic gives a ValueError.
    return f"{problem['msg'].removeprefix('Value error, ')} (given: {_given(problem)})"


def _given(problem: Any) -> str:
    text = repr(problem.get("input")) if problem["type"] != "missing" else "nothing"
    return text if len(text) <= 80 else f"{text[:79]}…"


def _unknown(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    takes = f"it takes {', '.join(known)}" if known else "it takes none"
    return f"is no parameter of this route; {f'did you mean {near[0]}? ' if near else ''}{takes}"

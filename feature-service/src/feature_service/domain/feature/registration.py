"""What a feature is registered with: beside its function, in the file where it is written."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from feature_service.domain.feature.window import WindowPlan
    from feature_service.domain.feature.window_block import WindowBlock
    from feature_service.domain.model.array import FloatArray

FeatureFunction: TypeAlias = "Callable[[WindowBlock], FloatArray]"
SharedRowsFunction: TypeAlias = "Callable[[FloatArray, WindowPlan], FloatArray]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One feature: its name, its definition in words, and the function of a block of windows that computes it.

    `compute_shared` gives the same, to the bit, of all rows at once, for windows that share most of them; a window
    with a missing value may have any number there. One that `orders` the values of its windows is computed before the
    others, for which order has an answer, too. One that `transforms` them needs many arrays as large as its block.
    """

    name: str
    meaning: str
    compute: FeatureFunction
    compute_shared: "SharedRowsFunction | None" = None
    orders: bool = False
    transforms: bool = False


REGISTERED: Final[dict[str, Feature]] = {}
"""Every feature that was registered so far, by name; read it through :mod:`feature_service.domain.feature.catalog`."""


def feature(
    meaning: str,
    *,
    name: str = "",
    shared: "SharedRowsFunction | None" = None,
    orders: bool = False,
    transforms: bool = False,
) -> Callable[[FeatureFunction], FeatureFunction]:
    """Register the function below as a feature, under its own name when `name` is left out.

    `shared` is a faster way for windows that share most of their rows; `orders` says that it needs values in order,
    `transforms` that it needs the spectrum.
    Raises ValueError when the name is taken.
    """

    def register(function: FeatureFunction) -> FeatureFunction:
        own = name or function.__name__
        if own in REGISTERED:
            raise ValueError(f"there is a feature {own!r} already; choose another name")
        REGISTERED[own] = Feature(
            name=own,
            meaning=meaning,
            compute=function,
            compute_shared=shared,
            orders=orders,
            transforms=transforms,
        )
        return function

    return register

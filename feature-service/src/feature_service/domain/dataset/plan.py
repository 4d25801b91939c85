"""What a data set is to be made of (no NumPy needed to say it)."""

from dataclasses import dataclass, field
from enum import StrEnum

from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.model.span import Span
from penstock_kit.errors import InvalidArgument


class SplitMethod(StrEnum):
    """How windows become training or validation.

    `time`: of each device the first part of its rows is for training, the rest for validation, and no window
    has rows of both. `device`: whole devices. `random`: blocks of neighbouring windows, only when windows share no
    rows; training windows beside a block for validation are left out.
    """

    TIME = "time"
    DEVICE = "device"
    RANDOM = "random"


class LabelMode(StrEnum):
    """What label a window gets from the labels of its rows.

    `mode`: the most frequent (of equals the one that sorts first). `last`: that of the last row. `any`: the most
    frequent but the overall commonest, if any row has another. A window without a label is left out.
    """

    MODE = "mode"
    LAST = "last"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetPlan:
    """Which rows, which label, how split and how features are made of them.

    Empty `device_codes`: all devices of the model. Empty `fields`: every numeric field of the model but the label.
    `embargo` microseconds next to rows for validation no row is for training. With a `horizon`, a window's label is
    that of the rows of so many microseconds after it. Raises InvalidArgument VAL_SPLIT_INVALID, EMBARGO_INVALID,
    HORIZON_INVALID or SPLIT_CONFLICT.
    """

    model_code: str
    label_field: str
    device_codes: tuple[str, ...] = ()
    span: Span = field(default_factory=Span)
    fields: tuple[str, ...] = ()
    extraction: ExtractionPlan = field(default_factory=ExtractionPlan)
    split: SplitMethod = SplitMethod.TIME
    val_split: float = 0.2
    random_state: int = 42
    label_mode: LabelMode = LabelMode.MODE
    embargo: int = 0
    horizon: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.val_split < 1:
            raise InvalidArgument(
                f"val_split is {self.val_split}; it must be above 0 and below 1", reason="VAL_SPLIT_INVALID"
            )
        if self.embargo < 0:
            raise InvalidArgument("embargo must not be negative", reason="EMBARGO_INVALID")
        if self.horizon < 0:
            raise InvalidArgument("horizon must not be negative", reason="HORIZON_INVALID")
        if self.embargo and self.split is SplitMethod.DEVICE:
            raise InvalidArgument(
                "an embargo keeps rows of one device apart; a split by device has no such rows, leave embargo out",
                reason="EMBARGO_INVALID",
            )
        window = self.extraction.window
        if self.split is SplitMethod.RANDOM and window.step < window.size:
            raise InvalidArgument(
                f"a random split needs windows that share no rows, overlap is {window.overlap}; "
                "set overlap to 0 or split by time or device: shared rows make a validation score too good",
                reason="SPLIT_CONFLICT",
            )

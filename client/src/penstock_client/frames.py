"""Answers with numbers in them, one step from pandas."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_HINT = "to_pandas() needs pandas: pip install 'penstock-client[pandas]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureMatrix:
    """Window features of one device: ``features[i][j]`` is feature ``feature_names[j]`` of window i.

    `timestamps` are the windows' first rows (ISO 8601, UTC); an undefined value is None, NaN in pandas.
    """

    features: Sequence[Sequence[float | None]]
    feature_names: Sequence[str]
    timestamps: Sequence[str]
    metadata: Mapping[str, Any]

    def to_pandas(self) -> "pd.DataFrame":
        """Return a frame of shape (windows, features), indexed by time (UTC)."""
        pandas = _pandas()
        index = pandas.DatetimeIndex(
            pandas.to_datetime(list(self.timestamps), utc=True, format="ISO8601"), name="timestamp"
        )
        return pandas.DataFrame(list(self.features), columns=list(self.feature_names), index=index, dtype="float64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of telemetry as they were asked for; `truncated` says that there are more than the limit."""

    rows: Sequence[Mapping[str, Any]]
    row_count: int
    truncated: bool

    def to_pandas(self) -> "pd.DataFrame":
        """Return a frame with a column for each field, indexed by time (UTC); warn when there are more rows."""
        pandas = _pandas()
        if self.truncated:
            warnings.warn(
                f"these are {self.row_count} rows of more: ask for a shorter range, an interval or a larger limit",
                stacklevel=2,
            )
        frame = pandas.DataFrame.from_records(list(self.rows))
        if "timestamp" not in frame.columns:
            return frame
        frame["timestamp"] = pandas.to_datetime(frame["timestamp"], utc=True, format="ISO8601")
        return frame.set_index("timestamp")


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(_HINT) from error
    return pd

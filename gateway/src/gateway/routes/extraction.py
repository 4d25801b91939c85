"""How features are made, as requests say it."""

from typing import Annotated, Final

from penstock.feature.v1 import feature_pb2 as pb
from pydantic import Field, StringConstraints

from gateway.convert.protobuf import build_message
from gateway.convert.scalar import Moment, Seconds, seconds_to_proto
from gateway.routes.strict import RequestModel
from gateway.routes.window_options import WindowOptions

_Name = Annotated[str, StringConstraints(max_length=256)]
_LENGTHS: Final = frozenset({"window_size", "step", "max_gap"})


class ExtractionOptions(WindowOptions):
    """Options of windows, cleaning and scaling; what is left out is the model's, else feature-service's default."""

    min_rows: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Windows by time with fewer rows are left out; 0: the model's, else 1.",
    )
    overlap: float | None = Field(default=None, description="0 ≤ overlap < 1; left out: the model's, else 0.5.")
    normalize_method: str = Field(
        default="", max_length=40, description="`z_score`, `min_max` or `none`; empty: the model's, else `z_score`."
    )
    missing_value_method: str = Field(
        default="",
        max_length=40,
        description="`drop`, `forward_fill`, `backward_fill`, `interpolate`, `mean`, `median` or `none`.",
    )
    outlier_method: str = Field(default="", max_length=40, description="`iqr`, `z_score`, `clip` or `none`.")
    outlier_threshold: float = Field(default=0, ge=0, description="0: 1.5.")
    features: list[_Name] = Field(default_factory=list, description="Names such as `mean`; empty: the default set.")
    fields: list[_Name] = Field(default_factory=list, description="Empty: every numeric field.")
    range_min: float | None = Field(default=None, description="Lower end of `min_max`.")
    range_max: float | None = Field(default=None, description="Upper end of `min_max`.")

    max_gap: Seconds = Field(
        default=0,
        description="Seconds: no window has neighbouring rows farther apart, and one by time no longer time without a "
        "row; 0: the model's, else any gap.",
    )

    def options_to_proto(self) -> pb.ExtractionOptions:
        """Return the message."""
        return build_message(
            pb.ExtractionOptions,
            **{name: getattr(self, name) for name in ExtractionOptions.model_fields if name not in _LENGTHS},
            **self.window_fields(),
            max_gap=seconds_to_proto(self.max_gap),
        )


class Period(RequestModel):
    """From when to when."""

    start_time: Moment | None = Field(default=None, description="Inclusive, ISO 8601; left out: the first row.")
    end_time: Moment | None = Field(default=None, description="Exclusive; left out: after the last row.")

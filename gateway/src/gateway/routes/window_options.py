"""How windows lie, as requests say it."""

from pydantic import Field

from gateway.convert.window_length import WindowFields, WindowLength, window_to_proto
from gateway.routes.strict import RequestModel


class WindowOptions(RequestModel):
    """Size and step of windows; what is left out is feature-service's default for what is asked."""

    window_size: WindowLength | None = Field(
        default=None,
        description="Rows per window, such as 100, or its length, such as `10m`; left out: the model's, else 100 rows; "
        "of anomalies 30 rows. Windows by time begin at whole multiples of the step since 1970 and lie wholly in the "
        "range.",
    )
    step: WindowLength | None = Field(
        default=None, description="From a window's start to the next one's, in the unit of window_size; or say overlap."
    )

    def window_fields(self) -> WindowFields:
        """Return the fields that messages have for them."""
        return window_to_proto(self.window_size, self.step)

"""What an alarm may say that no single field's bound tells."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.alerts.inbound import PostedAlert
from gateway.routes.alerts import AlarmBody

LIMIT: dict[str, Any] = {"name": "a", "watch": "above", "device_codes": ["d"], "field": "f", "limit": 1}
BAND: dict[str, Any] = {**LIMIT, "watch": "outside", "lower": 0, "upper": 10}
ANOMALY: dict[str, Any] = {"name": "a", "watch": "anomaly", "detector_id": "x"}
SILENCE: dict[str, Any] = {"name": "a", "watch": "no_data", "device_codes": ["d"]}


@pytest.mark.parametrize(
    ("body", "right", "wrong"),
    [
        (LIMIT, {"repeat_seconds": 60}, {"repeat_seconds": 59.9}),
        (LIMIT, {"repeat_seconds": 0}, {"repeat_seconds": 0.1}),
        (ANOMALY, {"device_codes": ["d"] * 100}, {"device_codes": ["d"] * 101}),
        (BAND, {"hysteresis": 4.99}, {"hysteresis": 5}),
        (BAND, {"upper": 0.1}, {"upper": 0}),
        (SILENCE, {"seconds": 0.1}, {"seconds": 0}),
        (LIMIT, {"limit": 0}, {"limit": None}),
        (LIMIT, {"field": "g"}, {"field": ""}),
        (LIMIT, {"device_codes": [], "model_code": "m"}, {"device_codes": []}),
    ],
)
def test_an_alarm_is_taken_at_the_edge_and_refused_beyond(
    body: dict[str, Any], right: dict[str, Any], wrong: dict[str, Any]
) -> None:
    AlarmBody(**{**body, **right})
    with pytest.raises(ValidationError):
        AlarmBody(**{**body, **wrong})


def test_the_name_of_a_posted_alert_is_cut_to_200_characters() -> None:
    posted = PostedAlert(fires=True, labels={"alertname": "n" * 300}, annotations={})
    assert posted.name == "n" * 200

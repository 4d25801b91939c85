"""The newest windows of a device, and features as a data set has them."""

import pytest
from penstock.feature.v1 import feature_pb2 as pb

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_newest_windows_and_a_data_set_are_passed_on_without_any_option_beside_them(gateway):
    body = {"device_code": "W", "dataset_id": "ds_1", "newest_windows": 3}
    answer = await gateway.client.post("/api/v2/ai/features/extract", headers=gateway.auth(), json=body)
    assert answer.status_code == 200, answer.text
    (asked,) = gateway.fakes.feature.requests
    assert (asked.dataset_id, asked.newest_windows, asked.options) == ("ds_1", 3, pb.ExtractionOptions())


@pytest.mark.parametrize("number", [0, -1, 10_001, "many"])
async def test_a_number_of_newest_windows_that_is_none_is_refused_by_name(gateway, number):
    body = {"device_code": "W", "newest_windows": number}
    answer = await gateway.client.post("/api/v2/ai/features/extract", headers=gateway.auth(), json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "newest_windows")

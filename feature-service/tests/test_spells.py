"""The stretches of rows that fit are told one by one, and rows come in the order of a field."""

from typing import Any

import orjson
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2 as pb

from penstock_kit.errors import InvalidArgument

START = 1_700_000_000
# Seconds from START, current, voltage: every two seconds, silent from 10 to 110.
ROWS = [(0, 5, 1), (2, 9, 1), (4, 9, 1), (6, 1, 2), (8, 9, 2), (10, 9, 2), (110, 9, 3), (112, 1, 3), (114, 1, 9)]


@pytest.fixture
async def loaded(service: Any) -> Any:
    rows = [{"timestamp": START + at, "current": current, "voltage": voltage} for at, current, voltage in ROWS]

    async def messages() -> Any:
        yield pb.IngestRequest(options=pb.IngestOptions(format=pb.INGEST_FORMAT_JSON, create=True))
        yield pb.IngestRequest(chunk=orjson.dumps({"device_code": "d1", "model_code": "m", "rows": rows}))

    await service.features.Ingest(messages())
    return service


async def lasting(service: Any, value: float, **request: Any) -> pb.FittingTime:
    above = pb.Filter(field="current", operator=pb.Filter.OPERATOR_GT, values=[pb.Value(number=value)])
    asked = pb.ComputeStatisticsRequest(device_code="d1", filters=[above], durations=True, **request)
    return (await service.features.ComputeStatistics(asked)).fitting_time


async def test_the_longest_spells_are_told_one_by_one_and_the_last_with_whether_it_goes_on(loaded: Any) -> None:
    found = await lasting(loaded, 8)
    assert [(each.start_time.seconds - START, each.seconds) for each in found.longest] == [(8, 22), (2, 4), (110, 2)]
    assert (found.last.start_time.seconds, found.last.seconds, found.ongoing) == (START + 110, 2, False)
    until = await lasting(loaded, 8, end_time=Timestamp(seconds=START + 111))
    assert (until.last.start_time.seconds, until.ongoing) == (START + 110, True)
    none = await lasting(loaded, 100)
    assert not none.longest
    assert not none.HasField("last")


async def test_spells_shorter_than_asked_for_do_not_count_and_gaps_are_told(loaded: Any) -> None:
    found = await lasting(loaded, 8, shortest_spell=Duration(seconds=3))
    assert (found.spells, found.seconds) == (2, 26)
    assert [each.seconds for each in found.longest] == [22, 4]
    assert (found.gaps, found.gap_seconds) == (1, 100)
    assert [(each.start_time.seconds - START, each.seconds) for each in found.longest_gaps] == [(10, 100)]


async def test_rows_are_ordered_by_a_number_field_alone(loaded: Any) -> None:
    highest = pb.QueryHistoryRequest(device_code="d1", order_by="voltage", descending=True, limit=2)
    rows = (await loaded.features.QueryHistory(highest)).rows
    assert [time // 1_000_000 - START for time in rows.timestamps] == [114, 110]
    with pytest.raises(InvalidArgument, match="unknown field 'nothing'"):
        await loaded.features.QueryHistory(pb.QueryHistoryRequest(device_code="d1", order_by="nothing"))

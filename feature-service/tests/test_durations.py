"""How long rows that fit lasted, how often that began, integrals over time, and conditions of which one is enough."""

import orjson
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from penstock.feature.v1 import feature_pb2 as pb

from penstock_kit.errors import InvalidArgument

START = 1_700_000_000
# Seconds from START, current, voltage: every two seconds, silent from 10 to 110.
ROWS = [(0, 5, 1), (2, 9, 1), (4, 9, None), (6, 1, 2), (8, 9, 2), (10, 9, 2), (110, 9, 3), (112, 1, 3), (114, None, 9)]


async def load(service, rows, code="d1"):
    listed = [
        {"timestamp": START + at, **{k: v for k, v in (("current", c), ("voltage", u)) if v is not None}}
        for at, c, u in rows
    ]

    async def messages():
        yield pb.IngestRequest(options=pb.IngestOptions(format=pb.INGEST_FORMAT_JSON, create=True))
        yield pb.IngestRequest(chunk=orjson.dumps({"device_code": code, "model_code": "m", "rows": listed}))

    await service.features.Ingest(messages())


@pytest.fixture
async def loaded(service):
    await load(service, ROWS)
    return service


def above(field, value):
    return pb.Filter(field=field, operator=pb.Filter.OPERATOR_GT, values=[pb.Value(number=value)])


async def lasting(service, filters, **request):
    asked = pb.ComputeStatisticsRequest(device_code="d1", filters=filters, durations=True, **request)
    return (await service.features.ComputeStatistics(asked)).fitting_time


async def test_a_row_lasts_until_the_next_one_but_not_through_a_silence(loaded):
    # 2 to 6; 8 to 10 and on for ten distances; 110 to 112.
    found = await lasting(loaded, [above("current", 8)])
    assert (found.seconds, found.spells) == (4 + 2 + 20 + 2, 3)
    assert (found.longest_seconds, found.longest_start_time.seconds) == (22, START + 8)
    assert found.range_seconds == 10 + 20 + 2 + 2


async def test_a_spell_under_way_at_the_begin_of_the_range_counts(loaded):
    found = await lasting(loaded, [above("current", 8)], start_time=Timestamp(seconds=START + 4))
    assert found.spells == 3
    inside = await lasting(loaded, [above("current", 8)], end_time=Timestamp(seconds=START + 5))
    assert (inside.spells, inside.seconds) == (1, 4)


async def test_durations_that_no_row_fits_are_zero(loaded):
    found = await lasting(loaded, [above("current", 100)])
    assert (found.seconds, found.spells, found.longest_seconds) == (0, 0, 0)
    assert not found.HasField("longest_start_time")


async def test_a_field_is_integrated_over_the_time_its_values_lasted(loaded):
    request = pb.ComputeStatisticsRequest(device_code="d1", fields=["current"], integrals=True)
    (field,) = (await loaded.features.ComputeStatistics(request)).statistics
    assert field.integral == 5 * 2 + 9 * 4 + 1 * 2 + 9 * 2 + 9 * 20 + 9 * 2 + 1 * 2
    request.filters.append(above("current", 8))
    (field,) = (await loaded.features.ComputeStatistics(request)).statistics
    assert field.integral == 9 * (4 + 2 + 20 + 2)
    plain = await loaded.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="d1"))
    assert not plain.statistics[0].HasField("integral")
    assert not plain.HasField("fitting_time")


async def test_of_alternatives_one_is_enough(loaded):
    either = pb.Filter(any_of=[above("current", 8), above("voltage", 2)])
    answer = await loaded.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="d1", filters=[either]))
    assert answer.row_count == 7
    both = pb.ComputeStatisticsRequest(device_code="d1", filters=[either, above("voltage", 1)])
    assert (await loaded.features.ComputeStatistics(both)).row_count == 5
    rows = (await loaded.features.QueryHistory(pb.QueryHistoryRequest(device_code="d1", filters=[either]))).rows
    assert len(rows.timestamps) == 7
    assert (await lasting(loaded, [either])).spells == 3


@pytest.mark.parametrize("inner", [pb.Filter(field="timestamp"), pb.Filter(any_of=[above("current", 1)])])
async def test_alternatives_are_conditions_on_fields(loaded, inner):
    with pytest.raises(InvalidArgument, match="any_of; name fields"):
        await lasting(loaded, [pb.Filter(any_of=[inner])])


async def test_an_alternative_on_a_field_that_is_not_there_is_refused(loaded):
    with pytest.raises(InvalidArgument, match="unknown field 'nothing'"):
        await lasting(loaded, [pb.Filter(any_of=[above("current", 1), above("nothing", 1)])])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.integers(0, 3), min_size=2, max_size=30))
async def test_spells_are_the_runs_of_fitting_rows_and_their_seconds_add_up(service, values):
    code = "d" + "".join(map(str, values))
    await load(service, [(at, value, 0) for at, value in enumerate(values)], code)
    request = pb.ComputeStatisticsRequest(device_code=code, filters=[above("current", 1)], durations=True)
    found = (await service.features.ComputeStatistics(request)).fitting_time
    fits = [value > 1 for value in values]
    begins = sum(now and not before for before, now in zip([False, *fits], fits, strict=False))
    assert (found.spells, found.seconds, found.range_seconds) == (begins, sum(fits), len(values))

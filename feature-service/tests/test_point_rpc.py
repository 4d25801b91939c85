"""Points in line protocol over gRPC: of many devices, good ones stored, bad ones named, and what is registered."""

import pytest
from penstock.feature.v1 import feature_pb2 as pb

from penstock_kit.errors import InvalidArgument, PayloadTooLarge

SECOND = 10**9
START = 1_714_557_600 * SECOND


@pytest.fixture(params=["duckdb", "postgresql"])
def service(request):
    return request.getfixturevalue(f"service_on_{request.param}")


def messages(body, **options):
    form = pb.INGEST_FORMAT_LINE_PROTOCOL
    yield pb.IngestRequest(options=pb.IngestOptions(format=form, create=True, **options))
    yield pb.IngestRequest(chunk=body if isinstance(body, bytes) else body.encode())


@pytest.fixture
def write(service, as_tenant):
    async def send(body, **options):
        with as_tenant("t"):
            return await service.features.Ingest(messages(body, **options))

    return send


@pytest.fixture
def history(service, as_tenant):
    async def read(device):
        with as_tenant("t"):
            found = await service.features.QueryHistory(pb.QueryHistoryRequest(device_code=device))
        table = found.rows
        columns = {column.name: list(column.numbers) or list(column.texts) for column in table.columns}
        return list(table.timestamps), columns

    return read


async def devices(service, as_tenant):
    with as_tenant("t"):
        listed = await service.metadata.ListDevices(pb.ListDevicesRequest(page_size=100))
    return {device.device_code: device for device in listed.devices}


async def test_points_of_many_devices_are_stored_and_name_their_type(service, as_tenant, write, history):
    lines = [f'weld,device=d{n % 3},site=a current={n}.5,note="n{n}" {START + n * SECOND}' for n in range(9)]
    answer = await write("\n".join(lines))
    assert (answer.rows_accepted, answer.rows_rejected) == (9, 0)
    times, columns = await history("d1")
    assert times == [(START + n * SECOND) // 1000 for n in (1, 4, 7)]
    assert columns == {"site": ["a"] * 3, "current": [1.5, 4.5, 7.5], "note": ["n1", "n4", "n7"]}
    kinds = {code: (each.model_code, each.device_type) for code, each in (await devices(service, as_tenant)).items()}
    assert kinds == dict.fromkeys(("d0", "d1", "d2"), ("weld", "weld"))


async def test_one_bad_point_of_five_thousand_costs_itself_alone(write, history):
    lines = [f"m,device=d v={n}.0 {START + n * SECOND}" for n in range(5000)]
    lines[1234] = f"m,device=d v=nan {START}"
    answer = await write("\n".join(lines))
    assert (answer.rows_accepted, answer.rows_rejected, answer.errors[0].line) == (4999, 1, 1235)
    assert len((await history("d"))[0]) == 4999


async def test_an_empty_body_blank_lines_and_comments_are_fine(write):
    for body in ("", "\n\n", "# nothing\n"):
        answer = await write(body)
        assert (answer.rows_accepted, answer.rows_rejected) == (0, 0)


async def test_a_refused_line_registers_nothing(service, as_tenant, write):
    answer = await write('m,device=new v=nan\nother,device=b/c v=1\nm v=1\nm,device=d v="a"\nm,device=d v=1,w=2')
    assert [error.line for error in answer.errors] == [1, 2, 3, 5]
    found = await devices(service, as_tenant)
    assert list(found) == ["d"]
    with as_tenant("t"):
        models = await service.metadata.ListDataModels(pb.ListDataModelsRequest(page_size=10))
    assert [(model.model_code, [field.field_code for field in model.fields]) for model in models.models] == [
        ("m", ["v"])
    ]


async def test_a_field_keeps_its_kind_and_a_point_of_another_is_refused_alone(write, history):
    await write(f"m,device=d v=3 {START}")
    answer = await write(f'm,device=d v="x" {START + SECOND}\nm,device=d v=3i {START + 2 * SECOND}')
    assert (answer.rows_accepted, answer.rows_rejected) == (1, 1)
    assert "field type conflict" in answer.errors[0].reason
    assert (await history("d"))[1] == {"v": [3.0, 3.0]}


async def test_the_same_field_may_be_a_text_of_one_device_and_a_number_of_another(write, history):
    answer = await write(f'm,device=a v="x" {START}\nm,device=b v=1 {START}')
    assert answer.rows_rejected == 0
    assert (await history("a"))[1] == {"v": ["x"]}
    assert (await history("b"))[1] == {"v": [1.0]}


async def test_points_with_other_fields_at_one_time_are_one_row_and_the_last_value_counts(write, history):
    body = f"m,device=d a=1,b=1 {START}\nm,device=d b=2 {START}\nm,device=d a=3,c=4 {START}\nm,device=d a=5 {START - 1}"
    answer = await write(body)
    assert (answer.rows_accepted, answer.rows_merged) == (4, 2)
    times, columns = await history("d")
    # Digits beyond the microsecond are cut off towards the past.
    assert times == [START // 1000 - 1, START // 1000]
    assert columns["a"] == [5.0, 3.0]
    assert [columns["b"][1], columns["c"][1]] == [2.0, 4.0]


async def test_points_without_a_time_are_of_the_moment_they_arrive_and_what_they_overwrite_is_counted(write, history):
    answer = await write("m,device=d v=1\nm,device=d v=2")
    assert (answer.rows_accepted, answer.rows_merged) == (2, 1)
    assert (await history("d"))[1] == {"v": [2.0]}


async def test_fields_may_be_called_time_timestamp_and_device(write, history):
    await write(f"m,device=d time=1,timestamp=2,device=3 {START}")
    assert (await history("d"))[1] == {"time": [1.0], "timestamp": [2.0], "device": [3.0]}


async def test_a_measurement_of_another_type_brings_its_fields_to_the_device(service, as_tenant, write, history):
    await write(f"cpu,host=h usage=1 {START}")
    await write(f"mem,host=h used=2 {START}")
    assert (await history("h"))[1] == {"usage": [1.0], "used": [2.0]}
    assert (await devices(service, as_tenant))["h"].model_code == "cpu"


async def test_the_tag_that_names_the_device_can_be_named(write, history):
    await write(f"m,device=x,sensor=s1 v=1 {START}", device_column="sensor")
    assert (await history("s1"))[1] == {"device": ["x"], "v": [1.0]}
    answer = await write(f"m,device=x v=1 {START}", device_column="sensor")
    assert "no tag 'sensor'" in answer.errors[0].reason


async def test_times_are_in_the_unit_that_is_named(write, history):
    for device, (unit, factor) in enumerate({"s": 1, "ms": 1000, "us": 10**6, "ns": 10**9}.items()):
        await write(f"m,device=u{device} v=1 {1_714_557_600 * factor}", time_precision=unit)
        assert (await history(f"u{device}"))[0] == [START // 1000]


@pytest.mark.parametrize("text", ["", 'note="t",'], ids=["columns", "line-by-line"])
async def test_of_times_in_no_named_unit_each_tells_its_own_by_its_size(write, history, text):
    times = [1_714_557_600, 1_714_557_601_000, 1_714_557_602_000_000, 1_714_557_603_000_000_000]
    body = "\n".join(f"m,device=auto {text}v={place} {time}" for place, time in enumerate(times))
    assert (await write(body, time_precision="auto")).rows_accepted == 4
    assert (await history("auto"))[0] == [(1_714_557_600 + second) * 10**6 for second in range(4)]


async def test_times_before_1971_want_their_unit_named(write, history):
    with pytest.raises(InvalidArgument, match="name the unit with precision="):
        await write("m,device=d v=1 1714557600\nm,device=d v=1 1714557601")
    answer = await write("m,device=d v=1 -1", time_precision="ns")
    assert answer.rows_accepted == 1
    assert (await history("d"))[0] == [-1]


async def test_a_time_outside_of_the_calendar_is_refused_with_its_line(write):
    answer = await write(f"m,device=d v=1 {START // SECOND}\nm,device=d v=1 9223372036854775807", time_precision="s")
    assert (answer.rows_accepted, answer.errors[0].line) == (1, 2)
    assert "outside the years 1 to 9999" in answer.errors[0].reason


async def test_gzip_that_does_not_say_so_is_refused_in_few_words(write):
    with pytest.raises(InvalidArgument, match="Content-Encoding: gzip") as refused:
        await write(b"\x1f\x8b" + bytes(range(256)) * 10)
    assert len(refused.value.message) < 100


async def test_more_devices_than_may_be_in_one_body_are_too_large_so_that_writers_send_halves(write):
    with pytest.raises(PayloadTooLarge, match="send it in parts"):
        await write("\n".join(f"m,device=d{n} v=1 {START}" for n in range(1001)))


async def test_a_body_sent_again_changes_nothing(write, history):
    body = f'm,device=d v=1,w="x" {START}\nm,device=d v=2 {START + SECOND}'
    await write(body)
    before = await history("d")
    await write(body)
    assert await history("d") == before


async def test_a_point_with_a_byte_that_is_no_text_is_refused_alone(write):
    answer = await write(f'm,device=d v=1 {START}\nm,device=d v="'.encode() + b'\xff"\n' + b'm,device=d w="\0"\n')
    assert (answer.rows_accepted, [error.line for error in answer.errors]) == (1, [2, 3])


async def test_of_a_whole_body_with_a_bad_point_nothing_is_stored_and_nothing_registered(service, as_tenant, write):
    lines = [f"m,device=good v=1 {START}", f"m,device=bad v= {START}", f'm,device=old v="text" {START}']
    await write(f"m,device=old v=1 {START}")
    for refused in (lines[:2], lines[::2]):  # by its line alone, and by what is known of its device
        answer = await write("\n".join(refused), whole=True)
        assert (answer.rows_accepted, answer.rows_rejected, len(answer.errors)) == (0, 1, 1)
        assert sorted(await devices(service, as_tenant)) == ["old"]
    answer = await write(lines[0], whole=True)
    assert (answer.rows_accepted, answer.rows_rejected) == (1, 0)
    assert sorted(await devices(service, as_tenant)) == ["good", "old"]

"""Rows by MQTT, from a broker in this process: stored, then acknowledged; what is wrong with one costs no other."""

import asyncio
import json

import pytest
from penstock.feature.v1 import feature_pb2 as pb
from prometheus_client import CollectorRegistry, generate_latest

from feature_service.adapters.mqtt.client import Delivery
from penstock_kit.errors import FailedPrecondition, NotFound
from penstock_testkit.servers.certificate import make_certificate
from penstock_testkit.servers.mqtt_broker import MqttBroker
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import until, until_true

SECOND = 1_000_000
START = 1_714_557_600 * SECOND


@pytest.fixture
async def broker():
    broker = MqttBroker(free_port())
    await broker.open()
    yield broker
    await broker.cut()


@pytest.fixture
def settings(broker):
    return {
        "MQTT_URL": broker.url,
        "MQTT_CLIENT_ID": "r1",
        "MQTT_TOPICS": "plant/{device}/data",
        "MQTT_TENANT": "t",
        "MQTT_DROPS_TOPIC": "",
    }


async def subscribed(broker, client_id="r1"):
    await until(lambda: client_id in broker.sessions and bool(broker.sessions[client_id].filters))
    return broker.sessions[client_id]


async def settled(session, acknowledged):
    """Wait until so many messages are acknowledged and none is under way."""
    await until(lambda: len(session.acknowledged) >= acknowledged and not session.sent and not session.waiting)
    assert len(session.acknowledged) == acknowledged


def reader(service, as_tenant):
    async def rows(device, tenant="t"):
        with as_tenant(tenant):
            found = await service.features.QueryHistory(pb.QueryHistoryRequest(device_code=device, limit=100_000))
        columns = {each.name: list(each.numbers) or list(each.texts) for each in found.rows.columns}
        return dict(zip(found.rows.timestamps, zip(*columns.values(), strict=True), strict=True))

    return rows


async def status_of(service, name="mqtt"):
    answer = await service.features.GetStatus(pb.GetStatusRequest())
    return {each.name: (each.state, each.detail) for each in answer.components}[name]


def row(second, **values):
    return json.dumps({"timestamp": (START + second * SECOND) // 1000, **values}).encode()


async def test_rows_as_json_and_as_line_protocol_are_stored_and_acknowledged(
    tmp_path, start_service, as_tenant, broker, settings
):
    async with start_service(tmp_path, **settings) as service:
        session = await subscribed(broker)
        assert set(session.filters) == {"$share/penstock/plant/+/data"}
        broker.publish("plant/W1/data", row(0, current=1.5, on=True))
        broker.publish("plant/W1/data", b'[{"timestamp": "2024-05-01T10:00:01Z", "current": 2.5, "on": false}]')
        line = f'weld,device=other current=3.5,note="x" {(START + 2 * SECOND) * 1000}\n'
        broker.publish("plant/W2/data", line.encode())
        await settled(session, 3)
        rows = reader(service, as_tenant)
        assert await rows("W1") == {START: (1.5, 1.0), START + SECOND: (2.5, 0.0)}
        # The topic says whose row it is: a device may publish under its own name alone, and its tag is kept as a text.
        assert await rows("W2") == {START + 2 * SECOND: (3.5, "other", "x")}
        assert await until_true(lambda: is_ok(service)) >= 0


async def is_ok(service):
    return (await status_of(service))[0] == "ok"


async def test_a_payload_names_its_device_where_the_topic_does_not(
    tmp_path, start_service, as_tenant, broker, settings
):
    async with start_service(tmp_path, **settings | {"MQTT_TOPICS": "all, lines"}) as service:
        session = await subscribed(broker)
        broker.publish("all", b'{"device_code": "A", "rows": [{"timestamp": "2024-05-01T10:00:00Z", "v": 1}]}')
        broker.publish("all", b'{"device": "B", "timestamp": "2024-05-01T10:00:00Z", "v": 2}')
        broker.publish("lines", f"m,host=C v=3 {START * 1000}".encode())
        broker.publish("all", b'{"timestamp": "2024-05-01T10:00:00Z", "v": 4}')
        await settled(session, 4)
        rows = reader(service, as_tenant)
        assert [await rows(code) for code in "ABC"] == [{START: (1.0,)}, {START: (2.0,)}, {START: (3.0,)}]


VICTIM = b'{"device_code": "VICTIM", "timestamp": "2024-05-01T10:00:00Z", "v": 1}'


async def test_no_payload_names_the_device_of_a_topic_that_should_have(
    tmp_path, start_service, as_tenant, broker, settings
):
    async with start_service(tmp_path, **settings | {"MQTT_TOPICS": "plant/{device}/data,old/+"}):
        session = await subscribed(broker)
    # The kept session still has what came for a filter of before; its topics are of no pattern any more.
    broker.publish("old/rig", VICTIM)
    topics = ["plant//data", "plant/\udcff\udcfe/data"]
    async with start_service(tmp_path, **settings) as service:
        await until(lambda: session.filters.keys() == {"$share/penstock/plant/+/data"} and session.writer is not None)
        for topic in topics:
            broker.publish(topic, VICTIM)
            broker.publish(topic, f"m,device=VICTIM v=2 {START * 1000}".encode())
        broker.publish("plant/W1/data", row(0, v=3))
        await settled(session, 6)
        rows = reader(service, as_tenant)
        assert await rows("W1") == {START: (3.0,)}
        with pytest.raises(NotFound):
            await rows("VICTIM")
    kept = [json.loads(line)["reason"] for line in (tmp_path / "mqtt" / "refused.ndjson").read_text().splitlines()]
    assert [why.split(":")[0] for why in kept] == [
        "the topic is of no pattern of MQTT_TOPICS",
        *["the topic names no {device}"] * 2,
        *["the topic is empty or no UTF-8"] * 2,
    ]


async def test_messages_register_no_more_devices_than_they_may_and_those_that_are_known_go_on(
    tmp_path, start_service, as_tenant, broker, settings
):
    async with start_service(tmp_path, **settings | {"MQTT_NEW_DEVICES_PER_HOUR": 2}) as service:
        session = await subscribed(broker)
        for number in range(4):
            broker.publish(f"plant/W{number}/data", row(0, v=number))
        await settled(session, 4)
        broker.publish("plant/W1/data", row(1, v=1))
        broker.publish("plant/W3/data", f"m v=3 {START * 1000}".encode())
        await settled(session, 6)
        with as_tenant("t"):
            devices = await service.metadata.ListDevices(pb.ListDevicesRequest())
        assert [each.device_code for each in devices.devices] == ["W0", "W1"]
        assert len(await reader(service, as_tenant)("W1")) == 2
    # One that is started with none takes the rows of the devices there are.
    async with start_service(tmp_path, **settings | {"MQTT_NEW_DEVICES_PER_HOUR": 0}) as service:
        await until(lambda: session.writer is not None)
        broker.publish("plant/W1/data", row(2, v=1))
        broker.publish("plant/W9/data", row(2, v=1))
        await settled(session, 8)
        assert len(await reader(service, as_tenant)("W1")) == 3
    kept = [json.loads(line) for line in (tmp_path / "mqtt" / "refused.ndjson").read_text().splitlines()]
    assert [each["topic"] for each in kept] == [f"plant/{code}/data" for code in ("W2", "W3", "W3", "W9")]
    assert all("MQTT_NEW_DEVICES_PER_HOUR" in each["reason"] for each in kept)


BAD = [
    (b"", "empty"),
    (b"{", "no JSON"),
    (b"null", "no field"),
    (b"[1]", "no row"),
    (b"[]", "0 rows"),
    (b"{}", "no value"),
    (b'{"timestamp": "yesterday", "v": 1}', "not a time"),
    (b'{"timestamp": 1714557600, "v": "text"}', "type conflict"),
    (b'{"timestamp": 1714557600, "v": {"nested": 1}}', "not a number"),
    (b'{"timestamp": 1714557600, "v": 1e400}', "no JSON"),
    (b'{"timestamp": 1714557600, "w": "a\\u0000b"}', "NUL"),
    (b"m v=", "no value"),
    (b"\xff\xfe", "no UTF-8"),
    (b"m v=1 1714557600", "MQTT_TIME_PRECISION"),
]


async def test_bad_messages_are_acknowledged_counted_and_kept_with_their_reason_and_block_none(
    tmp_path, start_service, as_tenant, broker, settings
):
    registry = CollectorRegistry()
    async with start_service(tmp_path, registry=registry, **settings) as service:
        session = await subscribed(broker)
        broker.publish("plant/W1/data", row(0, v=0))
        await settled(session, 1)
        for payload, _ in BAD:
            broker.publish("plant/W1/data", payload)
        broker.publish("plant/no?code/data", row(1, v=1))
        broker.publish("plant/W1/data", row(1, v=1))
        await settled(session, len(BAD) + 3)
        assert await reader(service, as_tenant)("W1") == {START: (0.0,), START + SECOND: (1.0,)}
        metrics = generate_latest(registry).decode()
        assert f'penstock_mqtt_messages_total{{outcome="refused"}} {len(BAD) + 1:.1f}' in metrics
        assert f'penstock_mqtt_messages_refused_total{{pattern="plant/{{device}}/data"}} {len(BAD) + 1:.1f}' in metrics
        assert 'penstock_mqtt_messages_total{outcome="stored"} 2.0' in metrics
    kept = [json.loads(line) for line in (tmp_path / "mqtt" / "refused.ndjson").read_text().splitlines()]
    assert len(kept) == len(BAD) + 1
    for (_, why), refused in zip(BAD, kept, strict=False):
        assert why in refused["reason"]
    assert "can't be the code of a device" in kept[-1]["reason"]


async def test_ten_thousand_bad_messages_in_a_row_are_not_in_the_way_of_the_good(
    tmp_path, start_service, as_tenant, broker, settings
):
    async with start_service(tmp_path, **settings) as service:
        session = await subscribed(broker)
        for number in range(10_000):
            broker.publish("plant/W1/data", b"{" if number % 2 else b'{"timestamp": "never", "v": 1}')
        broker.publish("plant/W1/data", row(1, v=1))
        await settled(session, 10_001)
        assert await reader(service, as_tenant)("W1") == {START + SECOND: (1.0,)}
    folder = tmp_path / "mqtt"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2 * 1024 * 1024 + 4096


async def test_a_message_that_the_store_refuses_costs_itself_alone(
    tmp_path, start_service, as_tenant, broker, settings
):
    wide = json.dumps({"timestamp": START // 1000, **{f"f{n}": n for n in range(2_500)}}).encode()
    async with start_service(tmp_path, **settings) as service:
        session = await subscribed(broker)
        broker.publish("plant/W1/data", row(0, v=0))
        await settled(session, 1)
        for number in range(1, 20):
            broker.publish("plant/W1/data", wide if number == 7 else row(number, v=number))
        await settled(session, 20)
        rows = await reader(service, as_tenant)("W1")
        assert sorted(rows) == [START + n * SECOND for n in range(20) if n != 7]
    assert "new fields" in (tmp_path / "mqtt" / "refused.ndjson").read_text()


async def test_a_payload_over_the_limit_is_acknowledged_and_the_next_message_arrives(
    tmp_path, start_service, as_tenant, broker, settings
):
    async with start_service(tmp_path, **settings) as service:
        session = await subscribed(broker)
        broker.publish("plant/W1/data", b'{"v": "' + b"x" * 4_000_000 + b'"}')
        broker.publish("plant/W1/data", row(1, v=1))
        await settled(session, 2)
        assert await reader(service, as_tenant)("W1") == {START + SECOND: (1.0,)}
    assert "4000009 bytes" in (tmp_path / "mqtt" / "refused.ndjson").read_text()


@pytest.mark.parametrize(
    ("most", "largest"), [(1_048_576, 4 * 1_048_576 + 65_536), (1_024, 4_096 + 65_536), (200_000_000, 268_435_455)]
)
async def test_the_broker_is_told_the_largest_packet_so_that_none_of_far_more_is_in_memory(
    tmp_path, start_service, broker, most, largest
):
    settings = {"MQTT_URL": broker.url, "MQTT_CLIENT_ID": "r1", "MQTT_MAX_PAYLOAD_BYTES": str(most)}
    async with start_service(tmp_path, **settings):
        session = await subscribed(broker)
        assert session.largest == largest
        if largest < 10_000_000:
            broker.publish("penstock/W1", b" " * (largest + 1))
            assert session.dropped == 1
        broker.publish("penstock/W1", row(1, v=1))
        await settled(session, 1)


def test_what_waits_is_counted_with_its_topic_and_what_every_message_takes():
    delivery = Delivery(topic="t" * 60_000, payload=b"", size=0, packet=0, generation=0, again=False, retained=False)
    assert delivery.kept_bytes > 60_500


async def test_what_was_not_acknowledged_comes_again_and_is_stored_once(
    tmp_path, start_service, as_tenant, broker, settings
):
    async with start_service(tmp_path, **settings) as service:
        session = await subscribed(broker)
        for round_number in range(5):
            for number in range(50):
                broker.publish("plant/W1/data", row(round_number * 50 + number, v=number))
            await asyncio.sleep(0)
            broker.cut_client("r1")  # with messages in flight
            await until(lambda: session.writer is not None)
        await until(lambda: not session.sent and not session.waiting)
        rows = await reader(service, as_tenant)("W1")
        assert sorted(rows) == [START + n * SECOND for n in range(250)]


async def test_packet_ids_are_acknowledged_in_the_order_of_receipt(tmp_path, start_service, broker, settings):
    async with start_service(tmp_path, **settings | {"MQTT_IN_FLIGHT": 50}):
        session = await subscribed(broker)
        for number in range(1_000):
            broker.publish(f"plant/W{number % 7}/data", row(number, v=number))
        await settled(session, 1_000)
        assert session.acknowledged == list(range(1, 1_001))
        assert session.most == 50


async def test_messages_without_a_time_get_one_each_and_the_same_when_they_come_again(
    tmp_path, start_service, as_tenant, broker, settings
):
    async with start_service(tmp_path, **settings) as service:
        session = await subscribed(broker)
        for number in range(1_500):
            broker.publish("plant/W1/data", f'{{"v": {number}}}'.encode())
        await settled(session, 1_500)
        rows = await reader(service, as_tenant)("W1")
        assert [value for (value,) in rows.values()] == [float(n) for n in range(1_500)]
        first = list(rows)
    # The broker did not get the acknowledgements of the last ten, as after a kill between commit and PUBACK.
    lost = {1_500 - n: ("plant/W1/data", f'{{"v": {1_499 - n}}}'.encode()) for n in range(10)}
    session.sent.update(dict(sorted(lost.items())))
    async with start_service(tmp_path, **settings) as service:
        await until(lambda: not session.sent)
        assert list(await reader(service, as_tenant)("W1")) == first


async def test_a_retained_message_without_a_time_is_no_reading(tmp_path, start_service, as_tenant, broker, settings):
    broker.publish("plant/W1/data", b'{"v": 1}', retain=True)
    broker.publish("plant/W2/data", row(5, v=2), retain=True)
    async with start_service(tmp_path, **settings | {"MQTT_SHARE_GROUP": "off"}) as service:
        session = await subscribed(broker)
        assert set(session.filters) == {"plant/+/data"}
        await settled(session, 2)
        rows = reader(service, as_tenant)
        assert await rows("W2") == {START + 5 * SECOND: (2.0,)}
        with pytest.raises(Exception, match="W1"):
            await rows("W1")


async def test_a_filter_that_is_no_longer_configured_leaves_the_kept_session(tmp_path, start_service, broker, settings):
    async with start_service(tmp_path, **settings | {"MQTT_TOPICS": "old/{device},plant/{device}/data"}):
        await until(lambda: len(broker.sessions.get("r1", MqttSessionless).filters) == 2)
    async with start_service(tmp_path, **settings):
        await until(lambda: set(broker.sessions["r1"].filters) == {"$share/penstock/plant/+/data"})


class MqttSessionless:
    filters = ()


async def test_a_second_client_of_the_same_id_ends_the_first_with_an_alarm(
    tmp_path, start_service, as_tenant, broker, settings
):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with start_service(tmp_path / "a", **settings) as first:
        session = await subscribed(broker)
        one = session.writer
        async with start_service(tmp_path / "b", **settings) as second:
            await until(lambda: session.writer is not None and session.writer is not one)
            await until_true(lambda: told(first, "another client connected as 'r1'"))
            two = session.writer
            broker.publish("plant/W1/data", row(1, v=1))
            await settled(session, 1)
            assert session.writer is two
            assert (await reader(second, as_tenant)("W1")) == {START + SECOND: (1.0,)}


async def told(service, text):
    state, detail = await status_of(service)
    return state == "down" and text in detail


async def test_health_says_that_the_broker_is_away_and_rows_come_when_it_is_back(
    tmp_path, start_service, as_tenant, broker, settings
):
    await broker.cut()
    async with start_service(tmp_path, **settings) as service:
        await until_true(lambda: told(service, "does not answer"))
        await broker.open()
        session = await subscribed(broker)
        broker.publish("plant/W1/data", row(1, v=1))
        await settled(session, 1)
        await until_true(lambda: is_ok(service))
        assert await reader(service, as_tenant)("W1") == {START + SECOND: (1.0,)}


async def test_health_names_a_subscription_that_the_broker_refuses(tmp_path, start_service, broker, settings):
    broker.refuse_filters.add("$share/penstock/plant/+/data")
    async with start_service(tmp_path, **settings) as service:
        await until_true(lambda: told(service, "refuses the subscription to $share/penstock/plant/+/data"))


async def test_a_stop_stores_what_was_received_and_keeps_the_session(
    tmp_path, start_service, as_tenant, broker, settings
):
    async with start_service(tmp_path, **settings):
        session = await subscribed(broker)
        for number in range(300):
            broker.publish("plant/W1/data", row(number, v=number))
    assert broker.sessions["r1"] is session
    broker.publish("plant/W1/data", row(300, v=300))  # while nobody is there
    async with start_service(tmp_path, **settings) as service:
        await until(lambda: not session.sent and not session.waiting)
        assert len(await reader(service, as_tenant)("W1")) == 301


async def test_a_replica_that_leaves_gives_its_part_away_and_ends_its_session(
    tmp_path, start_service, broker, settings
):
    async with start_service(tmp_path, **settings | {"MQTT_ON_STOP": "leave"}):
        session = await subscribed(broker)
        for number in range(300):
            broker.publish("plant/W1/data", row(number, v=number))
    assert len(session.acknowledged) == 300
    assert broker.sessions == {}


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("MQTT_TOPICS", "a/#/b", "at its end only"),
        ("MQTT_TIME_PRECISION", "fortnight", "precision"),
        ("MQTT_PAYLOAD", "xml", "json"),
        ("MQTT_ON_STOP", "maybe", "keep"),
    ],
)
def test_a_wrong_setting_is_refused_at_the_start(name, value, why):
    from feature_service.settings import FeatureSettings

    with pytest.raises(ValueError, match=why):
        FeatureSettings(_env_file=None, **{name: value})


def test_a_broker_is_named_by_a_url_whose_password_no_error_shows():
    from feature_service.adapters.mqtt.address import BrokerAddress
    from penstock_kit.errors import InvalidArgument

    named = BrokerAddress.parse("mqtts://me:p%40ss@broker.example")
    assert (named.host, named.port, named.tls, named.username, named.password) == (
        "broker.example",
        8883,
        True,
        "me",
        "p@ss",
    )
    assert str(named) == "mqtts://broker.example:8883"
    assert BrokerAddress.parse("mqtt://[::1]").host_and_port == "[::1]:1883"
    for url in ("http://me:geheim1@x", "mqtt://me:geheim1@x/path", "mqtt://", "me:geheim1@x:1883", "mqtt://x:port"):
        with pytest.raises(InvalidArgument) as refused:
            BrokerAddress.parse(url)
        assert "geheim1" not in refused.value.message


# The client leaves the socket of a failed handshake to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_broker_is_spoken_to_by_tls_and_one_that_is_not_trusted_gets_nothing(
    tmp_path, start_service, as_tenant, settings
):
    certificate, context = make_certificate(tmp_path)
    broker = MqttBroker(free_port(), tls=context)
    await broker.open()
    settings = settings | {"MQTT_URL": broker.url, "MQTT_PASSWORD": "geheim1", "MQTT_USERNAME": "me"}
    try:
        async with start_service(tmp_path / "trusts", **settings | {"MQTT_CA_FILE": str(certificate)}) as service:
            session = await subscribed(broker)
            broker.publish("plant/W1/data", row(1, v=1))
            await settled(session, 1)
            assert await reader(service, as_tenant)("W1") == {START + SECOND: (1.0,)}
        broker.sessions.clear()
        async with start_service(tmp_path / "does not", **settings) as service:
            await until_true(lambda: told(service, "its certificate is not trusted"))
            assert broker.sessions == {}
        with pytest.raises(FailedPrecondition, match="MQTT_CA_FILE"):
            async with start_service(tmp_path / "none", **settings | {"MQTT_CA_FILE": "/no/such.pem"}):
                pass
    finally:
        await broker.cut()

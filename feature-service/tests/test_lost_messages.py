"""Messages of a broker that are lost: counted for all replicas and over restarts, and told."""

import pytest
from penstock.feature.v1 import feature_pb2 as pb
from sqlalchemy import select

from feature_service.adapters.metadata.table import lost_messages as table
from feature_service.adapters.mqtt.sql_losses import SqlLostMessageStore
from feature_service.domain.ingest.lost_messages import Loss, LostMessages
from penstock_kit.errors import Unavailable
from penstock_testkit.clock import ManualClock
from penstock_testkit.servers.mqtt_broker import MqttBroker
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import until, until_true

DROPS = "$SYS/broker/publish/messages/dropped"
GOOD = b'{"timestamp": "2024-05-01T10:00:00Z", "v": 1}'


async def test_replicas_and_a_restart_count_into_one_place(database):
    clock = ManualClock()
    first, second = (LostMessages(SqlLostMessageStore(database), clock) for _ in range(2))
    first.note(Loss.REFUSED, 3)
    second.note(Loss.REFUSED)
    second.note(Loss.TOO_LARGE)
    for each in (first, second):
        await each.write()
    restarted = LostMessages(SqlLostMessageStore(database), clock)
    assert restarted.totals is None
    await restarted.write()
    wanted = {Loss.REFUSED: 4, Loss.TOO_LARGE: 1, Loss.OVERFLOWED: 0, Loss.BROKER: 0}
    assert restarted.totals == wanted == await restarted.recent()


async def test_what_the_broker_dropped_is_counted_once_however_many_replicas_hear_of_it(database):
    first, second = (LostMessages(SqlLostMessageStore(database), ManualClock()) for _ in range(2))
    counts = []
    # It had dropped 100 before anybody listened; it is restarted before it says 2.
    for told in (100, 105, 105, 2):
        for replica in (first, second):
            replica.note_broker(told)
            await replica.write()
        counts.append((await first.recent())[Loss.BROKER])
    assert counts == [0, 5, 5, 7]


async def test_what_the_broker_dropped_since_it_first_told_is_counted_also_when_it_tells_again_at_once(database):
    losses = LostMessages(SqlLostMessageStore(database), ManualClock())
    for told in (100, 103, 104):
        losses.note_broker(told)
    await losses.write()
    assert (await losses.recent())[Loss.BROKER] == 4


async def test_losses_are_recent_for_ten_minutes_kept_by_minute_for_a_day_and_in_all_for_ever(database):
    clock = ManualClock()
    losses = LostMessages(SqlLostMessageStore(database), clock)
    losses.note(Loss.OVERFLOWED, 2)
    await losses.write()
    clock.advance(9 * 60)
    assert (await losses.recent())[Loss.OVERFLOWED] == 2
    clock.advance(60)
    assert (await losses.recent())[Loss.OVERFLOWED] == 0
    clock.advance(25 * 3600)
    losses.note(Loss.REFUSED)
    await losses.write()
    assert losses.totals is not None and losses.totals[Loss.OVERFLOWED] == 2
    async with database.read() as connection:
        kept = (await connection.execute(select(table.c.loss).where(table.c.minute > 0))).scalars().all()
    assert kept == ["refused"]


async def test_what_cannot_be_written_is_kept_and_what_others_wrote_is_read_now_and_then():
    class Store:
        def __init__(self):
            self.away, self.added = True, []

        async def add(self, minute, lost, *, broker):
            if self.away:
                raise Unavailable("away", reason="DATABASE_UNAVAILABLE")
            self.added.append((dict(lost), broker))

        async def totals(self):
            return {loss: len(self.added) for loss in Loss}

        async def since(self, minute):
            return {}

    store, clock = Store(), ManualClock()
    losses = LostMessages(store, clock)
    losses.note(Loss.REFUSED, 2)
    losses.note_broker(7)
    losses.note_broker(8)
    with pytest.raises(Unavailable):
        await losses.write()
    losses.note(Loss.REFUSED)
    losses.note_broker(9)
    store.away = False
    await losses.write()
    await losses.write()
    assert store.added == [({Loss.REFUSED: 3}, 7), ({}, 9)]
    store.added.append(({}, None))
    await losses.write()
    assert losses.totals[Loss.REFUSED] == 2
    clock.advance(15)
    await losses.write()
    assert losses.totals[Loss.REFUSED] == 3


@pytest.fixture
async def broker():
    broker = MqttBroker(free_port())
    await broker.open()
    yield broker
    await broker.cut()


def settings(broker):
    return {"MQTT_URL": broker.url, "MQTT_CLIENT_ID": "r1", "MQTT_TOPICS": "plant/{device}/data", "MQTT_TENANT": "t"}


async def lost_by(service):
    answer = await service.features.GetLostMessages(pb.GetLostMessagesRequest())
    return {each.loss: each.messages for each in answer.losses}


async def test_bad_and_too_large_messages_and_those_the_broker_dropped_are_told_also_after_a_restart(
    tmp_path, start_service, broker
):
    wanted = {"refused": 2, "too_large": 1, "overflowed": 0, "broker": 4}
    async with start_service(tmp_path, **settings(broker), MQTT_MAX_PAYLOAD_BYTES=1024) as service:
        await until(lambda: "r1" in broker.sessions and DROPS in broker.sessions["r1"].filters)
        assert set((await lost_by(service)).values()) == {0}
        for payload in (b"{", b"nonsense", b"x" * 2000, GOOD):
            broker.publish("plant/W1/data", payload)
        broker.publish(DROPS, b"10", qos=0)
        await until(lambda: len(broker.sessions["r1"].acknowledged) == 4)

        async def counted():
            broker.publish(DROPS, b"14", qos=0)
            return await lost_by(service) == wanted

        assert await until_true(counted) >= 0
    async with start_service(tmp_path, **settings(broker)) as service:
        assert await lost_by(service) == wanted


async def test_a_broker_that_refuses_to_tell_what_it_drops_gives_its_messages_all_the_same(
    tmp_path, start_service, broker
):
    broker.refuse_filters.add(DROPS)
    async with start_service(tmp_path, **settings(broker)):
        await until(lambda: "r1" in broker.sessions and bool(broker.sessions["r1"].filters))
        broker.publish("plant/W1/data", GOOD)
        await until(lambda: len(broker.sessions["r1"].acknowledged) == 1)


async def test_a_broker_that_ends_the_connection_over_it_is_not_asked_again(tmp_path, start_service, broker):
    broker.cutting_filters.add(DROPS)
    async with start_service(tmp_path, **settings(broker)):
        await until(lambda: broker.cuts == 1)
        await until(lambda: broker.sessions["r1"].writer is not None)
        broker.publish("plant/W1/data", GOOD)
        await until(lambda: len(broker.sessions["r1"].acknowledged) == 1)
        assert broker.cuts == 1


async def test_without_a_broker_there_is_nothing_to_tell(tmp_path, start_service):
    async with start_service(tmp_path) as service:
        assert await lost_by(service) == {}

"""Many alarms of one tenant delay no other's, and its own all get their turn."""

from dataclasses import replace

from alert_world import ALARM, CHANNEL, World

from gateway.alerts.model import AlertState, Severity, Status
from gateway.alerts.store import StatePage, rank_of
from gateway.alerts.turns import TenantTurns

MANY = [replace(ALARM, id=f"alarm_{n:03}", tenant_id="greedy") for n in range(500)]
ONE = replace(ALARM, id="alarm_of_acme", tenant_id="acme")


def test_tenants_take_turns_however_many_alarms_one_has() -> None:
    order = TenantTurns().order([*MANY, ONE, replace(ONE, id="alarm_b", tenant_id="b")])
    assert [alarm.tenant_id for alarm in order[:4]] == ["greedy", "acme", "b", "greedy"]
    assert len(order) == 502


def test_what_was_not_judged_in_a_round_comes_first_in_the_next() -> None:
    turns, judged = TenantTurns(), list[str]()
    for _ in range(6):
        order = turns.order([*MANY, ONE])
        judged += [alarm.id for alarm in order[:101]]
        turns.end_round([*MANY, ONE], order[101:])
    assert {alarm.id for alarm in MANY} <= set(judged)
    assert judged.count("alarm_of_acme") == 6


def test_a_round_that_judged_all_begins_anew() -> None:
    turns = TenantTurns()
    turns.end_round(MANY, MANY[100:])
    assert turns.order(MANY)[0].id == "alarm_100"
    turns.end_round(MANY, ())
    assert turns.order(MANY)[0].id == "alarm_000"


async def test_alerts_come_in_pages_with_what_fires_first_and_none_twice(world: World) -> None:
    await world.store.put_channel(CHANNEL)
    statuses = (Status.OK, Status.PENDING, Status.FIRING, Status.NO_DATA)
    states = [
        AlertState(
            fingerprint=f"alt_{n:02}",
            tenant_id="acme" if n % 5 else "other",
            rule_id="system:x" if n == 7 else "alarm_1",
            rule_name="hot",
            severity=Severity.WARNING,
            status=statuses[n % 4],
            since=world.clock.now(),
        )
        for n in range(40)
    ]
    lease = await world.leases.acquire("gw", seconds=60, now=world.clock.now())
    assert lease is not None
    await world.store.record(lease.fence, states[::-1], [], world.clock.now())
    wanted = [state for state in states if state.tenant_id == "acme" and state.rule_id == "alarm_1"]

    found, after = list[AlertState](), None
    while part := await world.store.page_states(StatePage(tenant_id="acme", limit=7, hidden=("system:",), after=after)):
        found += part
        after = (rank_of(part[-1]), part[-1].fingerprint)

    assert [state.fingerprint for state in found] == [
        state.fingerprint for state in sorted(wanted, key=lambda state: (rank_of(state), state.fingerprint))
    ]
    assert found[0].status is Status.FIRING
    firing = await world.store.page_states(StatePage(tenant_id="acme", limit=99, status="firing"))
    assert {state.status for state in firing} == {Status.FIRING}

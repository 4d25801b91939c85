"""From conditions to what people are told: pending, firing, silence, hysteresis, repeats, snooze, episodes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.alerts.evaluation import advance
from gateway.alerts.model import Alarm, AlertState, Change, Observation, Severity, Status, Watch

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def state(**changes: object) -> AlertState:
    fresh = AlertState(
        fingerprint="a:WLD001", tenant_id="t", rule_id="a", rule_name="hot", severity=Severity.WARNING, since=NOW
    )
    return replace(fresh, **changes)  # type: ignore[arg-type]


def follow(
    steps: list[bool | None], *, hold: float = 0, repeat: float = 0, start: AlertState | None = None
) -> list[tuple[Status, Change]]:
    """One evaluation a minute."""
    known, seen = start or state(), []
    for minute, holds in enumerate(steps):
        now = NOW + timedelta(minutes=minute)
        known, change = advance(known, Observation(holds=holds), hold_seconds=hold, repeat_seconds=repeat, now=now)
        seen.append((known.status, change))
    return seen


def changes(steps: list[tuple[Status, Change]]) -> list[Change]:
    return [change for _, change in steps if change is not Change.NONE]


def test_it_fires_once_the_condition_held_for_its_time_and_not_before() -> None:
    assert follow([True, True, True, True, True], hold=180) == [
        (Status.PENDING, Change.NONE),
        (Status.PENDING, Change.NONE),
        (Status.PENDING, Change.NONE),
        (Status.FIRING, Change.FIRED),
        (Status.FIRING, Change.NONE),
    ]


def test_a_condition_that_ends_before_its_time_tells_nobody_and_begins_anew() -> None:
    assert changes(follow([True, True, False, True, True], hold=180)) == []


def test_silence_keeps_a_firing_alert_and_never_resolves_it() -> None:
    seen = follow([True, None, None, True, False])
    assert seen == [
        (Status.FIRING, Change.FIRED),
        (Status.NO_DATA, Change.NONE),
        (Status.NO_DATA, Change.NONE),
        (Status.FIRING, Change.NONE),
        (Status.OK, Change.RESOLVED),
    ]


def test_silence_ends_what_was_only_pending() -> None:
    assert follow([True, None, True], hold=120) == [
        (Status.PENDING, Change.NONE),
        (Status.OK, Change.NONE),
        (Status.PENDING, Change.NONE),
    ]


def test_every_episode_is_told_and_has_its_own_number() -> None:
    known, told = state(), []
    for minute, holds in enumerate([True, False, True, False, True]):
        now = NOW + timedelta(minutes=minute)
        known, change = advance(known, Observation(holds=holds), hold_seconds=0, repeat_seconds=0, now=now)
        told.append((change, known.episode))
    assert told == [
        (Change.FIRED, 1),
        (Change.RESOLVED, 1),
        (Change.FIRED, 2),
        (Change.RESOLVED, 2),
        (Change.FIRED, 3),
    ]


@pytest.mark.parametrize(("repeat", "expected"), [(0, 0), (120, 3), (600, 0)])
def test_it_is_told_again_in_its_rhythm(repeat: float, expected: int) -> None:
    assert changes(follow([True] * 8, repeat=repeat)).count(Change.REPEATED) == expected


@pytest.mark.parametrize(
    ("hysteresis", "repeat", "fired", "repeated", "resolved"),
    [(0, 0, 3, 0, 2), (0, 60, 3, 2, 2), (5, 0, 2, 0, 1), (5, 60, 2, 5, 1)],
)
def test_a_value_that_swings_around_its_limit_is_told_exactly_so_often(
    hysteresis: float, repeat: float, fired: int, repeated: int, resolved: int
) -> None:
    watched, known, told = alarm(watch=Watch.ABOVE, limit=80, hysteresis=hysteresis), state(), []
    for minute, value in enumerate([81, 79, 81, 79, 74, 81, 81, 81]):
        holds = watched.breaches(value, is_firing=known.status is Status.FIRING)
        now = NOW + timedelta(minutes=minute)
        known, change = advance(known, Observation(holds=holds), hold_seconds=0, repeat_seconds=repeat, now=now)
        told.append(change)
    counts = [told.count(change) for change in (Change.FIRED, Change.REPEATED, Change.RESOLVED)]
    assert counts == [fired, repeated, resolved]


def test_an_acknowledged_alert_is_told_no_more_until_it_ends() -> None:
    firing = state(status=Status.FIRING, episode=1, fired_time=NOW, notified_time=NOW, acknowledged_by="usr_ann")
    assert changes(follow([True] * 9 + [False], repeat=60, start=firing)) == [Change.RESOLVED]


def test_a_snoozed_alert_changes_its_state_and_tells_nobody() -> None:
    quiet = state(snoozed_until=NOW + timedelta(hours=1))
    seen = follow([True, True, False], repeat=60, start=quiet)
    assert [status for status, _ in seen] == [Status.FIRING, Status.FIRING, Status.OK]
    assert changes(seen) == []


def test_a_snooze_ends_at_its_time_and_what_happens_then_is_told() -> None:
    quiet = state(snoozed_until=NOW + timedelta(minutes=1))
    assert follow([False, True], start=quiet)[-1] == (Status.FIRING, Change.FIRED)
    firing = replace(quiet, status=Status.FIRING, episode=1, fired_time=NOW, notified_time=NOW)
    assert changes(follow([True, True], repeat=60, start=firing)) == [Change.REPEATED]
    assert changes(follow([True, False], start=firing)) == [Change.RESOLVED]


def alarm(**fields: object) -> Alarm:
    whole = {"id": "a", "tenant_id": "t", "user_id": "u", "name": "n", "create_time": NOW, **fields}
    return Alarm(**whole)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("watched", "value", "fresh", "firing"),
    [
        (alarm(watch=Watch.ABOVE, limit=80, hysteresis=5), 80.0, False, True),
        (alarm(watch=Watch.ABOVE, limit=80, hysteresis=5), 80.1, True, True),
        (alarm(watch=Watch.ABOVE, limit=80, hysteresis=5), 75.0, False, False),
        (alarm(watch=Watch.BELOW, limit=10, hysteresis=2), 9.9, True, True),
        (alarm(watch=Watch.BELOW, limit=10, hysteresis=2), 11.9, False, True),
        (alarm(watch=Watch.BELOW, limit=10, hysteresis=2), 12.0, False, False),
        (alarm(watch=Watch.OUTSIDE, lower=10, upper=20, hysteresis=1), 9.0, True, True),
        (alarm(watch=Watch.OUTSIDE, lower=10, upper=20, hysteresis=1), 19.5, False, True),
        (alarm(watch=Watch.OUTSIDE, lower=10, upper=20, hysteresis=1), 15.0, False, False),
    ],
)
def test_a_firing_alarm_ends_only_inside_its_hysteresis(
    watched: Alarm, value: float, fresh: bool, firing: bool
) -> None:
    assert watched.breaches(value, is_firing=False) is fresh
    assert watched.breaches(value, is_firing=True) is firing

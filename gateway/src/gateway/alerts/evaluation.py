"""From what was known and what was found to what is known now: pending, firing, silent, resolved."""

from dataclasses import replace
from datetime import datetime, timedelta

from gateway.alerts.model import AlertState, Change, Observation, Status


def advance(
    state: AlertState, found: Observation, *, hold_seconds: float, repeat_seconds: float, now: datetime
) -> tuple[AlertState, Change]:
    """Return the new state and what people should be told.

    A condition fires once it held for `hold_seconds`. What can't be said (no data) ends a pending alert, keeps one that
    fires as NO_DATA, and never resolves it. A firing alert is told again every `repeat_seconds` unless it is
    acknowledged or snoozed; 0: never again.
    """
    known = replace(state, value=found.value if found.value is not None else state.value)
    known = replace(known, labels={**state.labels, **found.labels})
    if found.holds is None:
        return _silent(known, now), Change.NONE
    if not found.holds:
        return _ended(known, now)
    if state.status in {Status.FIRING, Status.NO_DATA}:
        known = replace(known, status=Status.FIRING)
        return (
            (replace(known, notified_time=now), Change.REPEATED)
            if _is_due(known, repeat_seconds, now)
            else (known, Change.NONE)
        )
    since = state.since if state.status is Status.PENDING else now
    if now - since < timedelta(seconds=hold_seconds):
        return replace(known, status=Status.PENDING, since=since), Change.NONE
    fired = replace(
        known,
        status=Status.FIRING,
        episode=state.episode + 1,
        since=now,
        fired_time=now,
        notified_time=now,
        acknowledged_by="",
    )
    return fired, Change.NONE if is_snoozed(fired, now) else Change.FIRED


def is_snoozed(state: AlertState, now: datetime) -> bool:
    """Whether nobody wants to hear of it now."""
    return state.snoozed_until is not None and now < state.snoozed_until


def _silent(state: AlertState, now: datetime) -> AlertState:
    if state.status is Status.FIRING:
        return replace(state, status=Status.NO_DATA)
    return replace(state, status=Status.OK, since=now) if state.status is Status.PENDING else state


def _ended(state: AlertState, now: datetime) -> tuple[AlertState, Change]:
    if state.status is Status.OK:
        return state, Change.NONE
    was_told = state.status in {Status.FIRING, Status.NO_DATA}
    ended = replace(state, status=Status.OK, since=now, acknowledged_by="", notified_time=None)
    return ended, Change.RESOLVED if was_told and not is_snoozed(state, now) else Change.NONE


def _is_due(state: AlertState, repeat_seconds: float, now: datetime) -> bool:
    if not repeat_seconds or state.acknowledged_by or is_snoozed(state, now):
        return False
    last = state.notified_time or state.fired_time or state.since
    return now - last >= timedelta(seconds=repeat_seconds)

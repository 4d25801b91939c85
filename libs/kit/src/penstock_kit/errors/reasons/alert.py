"""Reasons of alarms and notifications."""

from typing import Final

from penstock_kit.errors.kind import ErrorKind
from penstock_kit.errors.reasons.row import Row, Section

ALERT: Final = Section(
    title="Alarms and notifications",
    note="",
    rows=(
        Row("ALARM_NOT_FOUND", (ErrorKind.NOT_FOUND,), "no such alarm in the tenant", "list them"),
        Row(
            "ALARM_DENIED",
            (ErrorKind.PERMISSION_DENIED,),
            "the alarm is another user's",
            "ask who made it, or an administrator of the tenant",
        ),
        Row("ALERT_NOT_FOUND", (ErrorKind.NOT_FOUND,), "nothing is known of such an alert", "list them"),
        Row(
            "CHANNEL_NOT_FOUND",
            (ErrorKind.NOT_FOUND, ErrorKind.INVALID_ARGUMENT),
            "no such channel in the tenant",
            "list them",
        ),
        Row(
            "CHANNELS_LIMIT_EXCEEDED", (ErrorKind.RESOURCE_EXHAUSTED,), "too many channels in the tenant", "delete some"
        ),
        Row("ALARMS_LIMIT_EXCEEDED", (ErrorKind.RESOURCE_EXHAUSTED,), "too many alarms in the tenant", "delete some"),
        Row(
            "CHANNEL_UNAVAILABLE",
            (ErrorKind.BAD_UPSTREAM,),
            "a test message was not taken by the other side",
            "see what it answered",
        ),
        Row(
            "MAIL_UNSUPPORTED",
            (ErrorKind.FAILED_PRECONDITION,),
            "a channel of e-mail where no mail server is set",
            "set `PENSTOCK_SMTP_HOST` and what it needs, or choose another kind",
        ),
        Row(
            "CHANNEL_SECRET_INVALID",
            (ErrorKind.FAILED_PRECONDITION,),
            "the channel was stored under a signing secret that is not known any more",
            "store the channel anew",
        ),
    ),
)

"""What is remembered of attempts is bounded, and what goes first is what came first."""

from gateway.auth.login_attempts import AttemptLimiter, LoginAttemptLimiter
from penstock_kit.errors import ResourceExhausted
from penstock_testkit.clock import ManualClock

KNOWN = 10_000
SUBJECTS = 50_000


def is_refused(limiter: AttemptLimiter, subject: str) -> bool:
    try:
        limiter.check(subject)
    except ResourceExhausted:
        return True
    return False


def test_failures_of_fifty_thousand_subjects_are_counted_and_of_more_the_first_are_forgotten() -> None:
    limiter = AttemptLimiter(clock=ManualClock(), limit=1)
    for number in range(SUBJECTS + 1):
        limiter.record_failure(f"s{number}")
    assert [is_refused(limiter, f"s{number}") for number in (0, 1, SUBJECTS)] == [False, True, True]


def test_who_fails_anew_in_another_minute_is_forgotten_last() -> None:
    clock = ManualClock()
    limiter = AttemptLimiter(clock=clock, limit=1)
    for subject in ("first", "again"):
        limiter.record_failure(subject)
    clock.advance(60)
    for number in range(2, SUBJECTS):
        limiter.record_failure(f"s{number}")
    for subject in ("again", "new", "newer"):  # the table is full: "new" takes the place of "first", "newer" of "s2"
        limiter.record_failure(subject)
    assert [is_refused(limiter, subject) for subject in ("again", "new", "newer", "s2", "s3")] == [
        True,
        True,
        True,
        False,
        True,
    ]


def test_who_logs_in_again_and_again_stays_known_among_many_who_come_once() -> None:
    limiter = LoginAttemptLimiter(clock=ManualClock())
    for number in range(KNOWN):
        limiter.record_success(f"u{number}", "10.0.0.1")
    limiter.record_success("u1", "10.0.0.1")
    for user in ("another", "a third"):
        limiter.record_success(user, "10.0.0.1")
    known = [limiter.is_known([user], "10.0.0.1") for user in ("u0", "u1", "u2", "u3", "another")]
    assert known == [False, True, False, True, True]

"""New devices that may be registered: so many at once and as many an hour, each counted once."""

from feature_service.domain.ingest.registration_allowance import RegistrationAllowance
from penstock_testkit.clock import ManualClock


def test_as_many_new_devices_as_an_hour_has_are_granted_at_once_and_more_as_time_passes():
    clock = ManualClock()
    allowance = RegistrationAllowance(60, clock.monotonic)
    assert [allowance.grant(f"d{number}") for number in range(62)] == [True] * 60 + [False] * 2
    clock.advance(60)
    assert [allowance.grant(code) for code in ("e1", "e2")] == [True, False]
    clock.advance(100_000)
    assert [allowance.grant(f"f{number}") for number in range(61)] == [True] * 60 + [False]
    assert "60 were registered by MQTT within an hour" in allowance.refusal


def test_a_device_whose_rows_could_not_be_stored_asks_again_for_nothing():
    allowance = RegistrationAllowance(2, ManualClock().monotonic)
    assert [allowance.grant(code) for code in ("a", "a", "a", "b", "a", "b", "c")] == [True] * 6 + [False]


def test_an_allowance_of_none_grants_none():
    clock = ManualClock()
    allowance = RegistrationAllowance(0, clock.monotonic)
    clock.advance(100_000)
    assert not allowance.grant("a")
    assert "MQTT_NEW_DEVICES_PER_HOUR is 0" in allowance.refusal

import pytest

from penstock_testkit.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()

"""Names that only look like this machine's."""

import pytest

from gateway.auth.rebinding import RebindingGuard
from penstock_kit.errors import PermissionDenied


@pytest.mark.parametrize("host", ["evillocalhost", "evillocalhost:8000", "localhost.evil.example"])
def test_a_name_that_only_ends_or_begins_like_the_loopbacks_is_a_strangers(host):
    with pytest.raises(PermissionDenied) as caught:
        RebindingGuard(hosts=(), origins=()).check(host=host, origin=None)
    assert caught.value.reason == "HOST_DENIED"


def test_a_name_below_the_loopbacks_is_this_machines():
    RebindingGuard(hosts=(), origins=()).check(host="app.localhost:8000", origin=None)

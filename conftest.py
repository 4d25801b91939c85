"""The workspace's test set-up: the fixtures of the testkit and the profiles of Hypothesis, for every member."""

import os

# gRPC's own lines on closed connections are no output of a test. It looks at this when it is imported.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

from hypothesis import HealthCheck, settings

# pytest names test modules after their folders, and would take the folder gateway for the package
# of that name unless the package is there first.
import gateway  # noqa: F401

pytest_plugins = [
    "penstock_testkit.plugin",
    "penstock_testkit.memory",
    "penstock_testkit.left_servers",
    "penstock_testkit.longest_first",
]

# How long an example takes is no law: on a busy machine Hypothesis' own limits of 0.2 s an example, and of 1 s to
# make the first ones, would decide. Its profile `ci`, which CI=true chooses, has neither, and draws the same examples
# each time.
TIMELESS = settings(settings.get_profile("default"), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("default", TIMELESS)
settings.register_profile("fuzz", TIMELESS, max_examples=1000, print_blob=True)

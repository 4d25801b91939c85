"""The workspace's test set-up: the fixtures of the testkit, for every member."""

import os

# gRPC's own lines on closed connections are no output of a test. It looks at this when it is imported.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

# pytest names test modules after their folders, and would take the folder gateway for the package
# of that name unless the package is there first.
import gateway  # noqa: F401

pytest_plugins = ["penstock_testkit.plugin"]

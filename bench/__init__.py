"""Benchmarks: this system beside its floors, in one run. `make bench`."""

import os

from penstock_cli.supervisor.service import RUNTIME_ENVIRONMENT

# The floors get the same gRPC as the services; it looks at this when it is imported.
os.environ.setdefault("GRPC_EXPERIMENTS", RUNTIME_ENVIRONMENT["GRPC_EXPERIMENTS"])

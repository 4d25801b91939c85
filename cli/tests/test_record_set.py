"""What the command knows of each service's records, and what it takes to know it."""

import subprocess
import sys
from importlib import import_module

import pytest

from penstock_cli.migrate.record_set import NAMES, load_record_set

LOADED = """
import sys
from penstock_cli.migrate.record_set import NAMES, load_record_set

mains = {f"{load_record_set(name).schema}.main" for name in NAMES}
print(*sorted((mains | {"fastapi", "grpc", "alembic", "duckdb"}) & set(sys.modules)))
"""


@pytest.mark.parametrize("name", NAMES)
def test_the_migrations_of_the_records_are_those_that_the_service_runs(name: str) -> None:
    records = load_record_set(name)
    assert records.migrations == import_module(f"{records.schema}.main").MIGRATIONS


def test_the_records_are_known_without_the_services() -> None:
    loaded = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []

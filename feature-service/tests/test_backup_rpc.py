"""The copy of the telemetry store that the running service sends."""

from pathlib import Path

import duckdb
import pytest
from penstock.feature.v1 import backup_pb2

from penstock_kit.context import SYSTEM, CallContext, Caller, use_context
from penstock_kit.errors import PermissionDenied


async def test_the_copy_is_a_file_that_duckdb_opens_and_nothing_of_it_stays_behind(service, tmp_path: Path) -> None:
    with use_context(CallContext("req_1", SYSTEM)):
        call = service.backup.BackupTelemetry(backup_pb2.BackupTelemetryRequest())
        content = b"".join([message.chunk async for message in call])
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(content)
    with duckdb.connect(str(copy)) as database:
        assert database.execute("SELECT 1").fetchone() == (1,)
    assert [path.name for path in (tmp_path / "tmp").iterdir() if path.name.startswith("backup")] == []


@pytest.mark.parametrize("scopes", [frozenset[str](), frozenset({"admin"}), frozenset({"telemetry:read"})])
async def test_a_tenants_administrator_gets_no_copy_of_every_tenants_rows(service, scopes) -> None:
    with use_context(CallContext("req_1", Caller(user_id="u", scopes=scopes))), pytest.raises(PermissionDenied):
        async for _ in service.backup.BackupTelemetry(backup_pb2.BackupTelemetryRequest()):
            pass

"""A schema that can't be prepared once the store is there: whoever asks is told, and a later attempt mends it."""

import asyncio
from pathlib import Path

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from penstock_kit.database import Database, migrate, open_database, prepare_schema
from penstock_kit.errors import Unavailable
from penstock_kit.grpc import GrpcServer, open_channel
from penstock_testkit.servers.fault_proxy import FaultProxy
from penstock_testkit.waiting import HANG_SECONDS, until

ENVIRONMENT = (
    "from sqlalchemy import MetaData\nfrom penstock_kit.database import run_migrations\n\nrun_migrations(MetaData())\n"
)
REVISION = '''"""Revision {revision}."""
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down}
contracts = {contracts}

def upgrade() -> None:
    {body}
'''
CREATE = 'op.create_table("device", sa.Column("id", sa.Integer, primary_key=True))'
WRONG = 'op.add_column("no_such_table", sa.Column("code", sa.Text))'

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def write_revision(folder: Path, revision: str, down: str, body: str, *, contracts: bool = False) -> None:
    (folder / "versions").mkdir(parents=True, exist_ok=True)
    (folder / "env.py").write_text(ENVIRONMENT)
    text = REVISION.format(revision=revision, down=down, body=body, contracts=contracts)
    (folder / "versions" / f"{revision}.py").write_text(text)


async def said_by(database: Database) -> str:
    with pytest.raises(Unavailable) as caught:
        await database.ping()
    return caught.value.message


async def wait_for_health(port: int, wanted: int) -> None:
    async with open_channel(f"127.0.0.1:{port}", service="demo", timeout=HANG_SECONDS) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        while True:
            if (await health.Check(health_pb2.HealthCheckRequest())).status == wanted:
                return
            await asyncio.sleep(0.01)


async def test_a_service_whose_late_migration_failed_is_not_ready_until_one_succeeds(
    postgres_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "demo_service" / "migrations"
    write_revision(folder, "0001", "None", WRONG)
    proxy = FaultProxy(postgres_url)
    database, server = open_database(proxy.url), GrpcServer(service="demo", grace_seconds=0)
    server.report_failure(lambda: database.failure)
    port = await server.start(0)
    prepared = asyncio.Event()
    prepared.set()
    async with (
        asyncio.timeout(HANG_SECONDS),
        prepare_schema(database, proxy.url, folder, then=prepared.wait, again_seconds=0.05) as is_there,
    ):
        assert not is_there
        assert not database.is_prepared
        await wait_for_health(port, SERVING)  # it only waits for its store, and does what it can without
        await proxy.open()
        await wait_for_health(port, NOT_SERVING)
        assert "schema could not be prepared: see the log" in await said_by(database)
        assert not database.is_prepared
        write_revision(folder, "0001", "None", CREATE)
        await wait_for_health(port, SERVING)
        await database.ping()
        assert database.is_prepared
    await server.drain()
    await database.close()
    await proxy.cut()


async def test_a_service_that_comes_late_to_a_newer_schema_that_does_not_serve_it_is_not_ready(
    postgres_url: str, tmp_path: Path
) -> None:
    newer, older = (tmp_path / name / "demo_service" / "migrations" for name in ("newer", "older"))
    for folder in (newer, older):
        write_revision(folder, "0001", "None", CREATE)
    write_revision(newer, "0002", '"0001"', 'op.drop_table("device")', contracts=True)
    await migrate(postgres_url, newer)
    proxy = FaultProxy(postgres_url)
    database = open_database(proxy.url)
    async with (
        asyncio.timeout(HANG_SECONDS),
        prepare_schema(database, proxy.url, older, then=asyncio.Event().wait, again_seconds=0.05) as is_there,
    ):
        assert not is_there
        await proxy.open()
        await until(lambda: bool(database.failure))
        assert "revision 0002, which this version does not know; run a newer one" in await said_by(database)
    await database.close()
    await proxy.cut()

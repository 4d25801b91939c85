"""What PostgreSQL would not take is named by table and key before anything is written."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from penstock_cli.failure import CommandFailed
from penstock_cli.migrate.command import check, copy
from penstock_cli.settings import CliSettings

WRONG = (
    ("gateway.db", "UPDATE gateway_users SET username = username || char(0) WHERE id = ?", "username has a NUL at"),
    ("gateway.db", "UPDATE gateway_deliveries SET attempts = 5000000000 WHERE id = ?", "attempts is 5000000000, more"),
    ("gateway.db", "UPDATE gateway_alarms SET active = 'maybe' WHERE id = ?", "active is 'maybe', which is no truth"),
    ("gateway.db", "UPDATE gateway_channels SET create_time = 1.5 WHERE id = ?", "create_time is 1.5, which is no int"),
    ("llm.db", "UPDATE llm_ledger SET provider = printf('%.70c', 'x') WHERE id = ?", "provider has 70 characters, the"),
    ("llm.db", "UPDATE llm_ledger SET labels = '{\"a\": NaN}' WHERE id = ?", "labels is '{\"a\": NaN}', which is no"),
    ("llm.db", "UPDATE llm_ledger SET duration = 'long' WHERE id = ?", "duration is 'long', which is no number"),
    ("chat.db", "UPDATE messages SET content = CAST(x'eda080' AS TEXT) WHERE id = ?", "content has bytes that are no"),
    ("chat.db", "UPDATE messages SET name = CAST('x' AS BLOB) WHERE id = ?", "name is b'x', which is no text"),
)


def settings(tmp_path: Path) -> CliSettings:
    return CliSettings(values={"PENSTOCK_HOME": str(tmp_path / "home")})


def spoil(tmp_path: Path, file: str, statement: str, key: str) -> None:
    with closing(sqlite3.connect(tmp_path / "home" / file)) as database, database:
        assert database.execute(statement, (key,)).rowcount == 1


def test_every_row_that_does_not_fit_is_listed_and_nothing_is_written(
    tmp_path: Path, filled: None, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, (file, statement, _) in enumerate(WRONG):
        spoil(tmp_path, file, statement, f"id-{number:04}-ß")
    with closing(sqlite3.connect(tmp_path / "home" / "chat.db")) as database, database:
        database.execute("UPDATE pictures SET conversation_id = 'nowhere' WHERE id = 'id-0009-ß'")
    wanted: Any = {"to": postgres_url, "source": "", "services": ()}
    assert check(settings(tmp_path), **wanted) == 1
    lines = capsys.readouterr().out.splitlines()
    for number, (_, _, said) in enumerate(WRONG):
        assert [line for line in lines if f"(id 'id-{number:04}-ß')" in line and said in line], said
    assert "chat-stream-service: pictures (id 'id-0009-ß'): its row of conversations is not there" in lines
    assert lines[-1] == f"{len(WRONG) + 1} rows do not fit"
    assert len(lines) == len(WRONG) + 2
    with pytest.raises(CommandFailed, match="10 rows do not fit; nothing was written"):
        copy(settings(tmp_path), **wanted, report=None)
    assert tables(postgres_url) == 0


def test_a_home_whose_rows_all_fit_says_so(
    tmp_path: Path, filled: None, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(settings(tmp_path), to=postgres_url, source="", services=()) == 0
    assert capsys.readouterr().out == "every row fits\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"to": "", "source": ""}, "name one PostgreSQL"),
        ({"to": "sqlite:///x.db", "source": ""}, "name a PostgreSQL"),
        ({"to": "mysql://x/y", "source": ""}, "is not sqlite"),
        ({"to": "taosrest://root:x@h:6041/rows", "source": ""}, "name a PostgreSQL.*TDengine keeps telemetry alone"),
        ({"to": "postgresql://127.0.0.1:1/x", "source": "", "services": ("llm",)}, "'llm' is none of gateway, llm-"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(CommandFailed, match=said):
        check(settings(tmp_path), **{"services": (), **options})


def test_telemetry_in_tdengine_stays_there_and_an_old_file_of_it_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TELEMETRY_URL", "taosrest://root:x@127.0.0.1:1/rows")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "telemetry.duckdb").write_bytes(b"an old file")
    to = "postgresql://127.0.0.1:1/x"
    assert check(settings(tmp_path), to=to, source="", services=()) == 0
    assert "which is not moved: records may move without it" in capsys.readouterr().out
    with pytest.raises(CommandFailed, match="leave out --service telemetry"):
        check(settings(tmp_path), to=to, source="", services=("telemetry",))


@pytest.fixture
def filled(tmp_path: Path, fill_home: Callable[..., Awaitable[object]]) -> None:
    asyncio.run(_filled(fill_home(tmp_path / "home", rows=12)))


def tables(url: str) -> int:
    """How many tables there are in the database."""

    async def count() -> int:
        connection = await asyncpg.connect(url)
        try:
            return int(
                await connection.fetchval(
                    "SELECT count(*) FROM information_schema.tables WHERE table_schema NOT LIKE 'pg_%'"
                    " AND table_schema <> 'information_schema'"
                )
            )
        finally:
            await connection.close()

    return asyncio.run(count())


async def _filled(filling: Awaitable[object]) -> None:
    await filling

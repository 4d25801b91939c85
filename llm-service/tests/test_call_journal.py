"""The journal of calls under way, and what becomes of the calls of a process that was killed."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from llm_service.adapters.file_journal import FileJournal, orphaned_rows
from llm_service.adapters.ledger_spool import LedgerSpool
from llm_service.adapters.sql_budget import SqlBudgets
from llm_service.adapters.sql_ledger import SqlLedger
from llm_service.adapters.sql_recovery import SqlRecovery
from llm_service.adapters.table import ledger
from llm_service.domain.billing.budget import Budget, BudgetPeriod, BudgetScope
from llm_service.domain.billing.ledger import LedgerRow, Outcome
from llm_service.domain.model.usage import Cost, PriceSource, Usage
from llm_service.main import MIGRATIONS
from llm_service.testing import ledger_row
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.database import Database, sqlite_url
from penstock_testkit.clock import ManualClock
from penstock_testkit.databases import migrated

NewId = Callable[[str], str]
ALICE = CallContext(request_id="req_1", caller=Caller(user_id="alice", key_id="k1"))
PAID = Cost(amount=Decimal("0.25"), source=PriceSource.OPERATOR)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str) -> AsyncIterator[Database]:
    url = sqlite_url(tmp_path / "llm.db") if request.param == "sqlite" else postgres_url
    async with migrated(url, MIGRATIONS) as opened:
        yield opened


def journal_in(home: Path, clock: ManualClock, new_id: NewId, *, written: bool = False) -> FileJournal:
    return FileJournal(home, clock, new_id, written=lambda: lambda: written)


def begin(journal: FileJournal, call_id: str) -> None:
    with use_context(ALICE):
        journal.record_start(
            call_id, operation="chat", requested_model="v/m", surface="openai", end_user="e", labels={"a": "b"}
        )


def state(call_id: str, *, output: int = 5) -> LedgerRow:
    usage = Usage(input=10, output=output, estimated=True)
    return replace(ledger_row(call_id, usage=usage, cost=PAID), provider="v", model="m", duration=1.5)


def killed(home: Path) -> list[LedgerRow]:
    """What another process finds, and leaves there."""
    with pytest.raises(RuntimeError), orphaned_rows(home) as rows:
        raise RuntimeError
    return rows


def journal_file(home: Path) -> Path:
    [path] = home.glob("llm-calls-*")
    return path


def files(home: Path) -> list[str]:
    return sorted(path.name for path in home.glob("llm-calls-*"))


async def test_the_journal_of_a_living_process_is_nobodys_else(
    tmp_path: Path, clock: ManualClock, new_id: NewId
) -> None:
    journal = journal_in(tmp_path, clock, new_id)
    begin(journal, "call_1")
    journal.flush()
    assert killed(tmp_path) == []
    journal.close()
    [row] = killed(tmp_path)
    assert (row.id, row.user_id, row.key_id, row.request_id) == ("call_1", "alice", "k1", "req_1")
    assert (row.requested_model, row.surface, row.end_user, row.labels) == ("v/m", "openai", "e", {"a": "b"})
    assert (row.outcome, row.error_kind, row.create_time) == (Outcome.ERROR, "process_killed", clock.now())


async def test_a_call_is_written_in_the_turn_of_the_loop_it_began_in(
    tmp_path: Path, clock: ManualClock, new_id: NewId
) -> None:
    journal = journal_in(tmp_path, clock, new_id)
    begin(journal, "call_1")
    await asyncio.sleep(0)
    path = journal_file(tmp_path)
    assert b"call_1" in path.read_bytes()
    journal.close()


async def test_the_last_state_of_a_call_counts_and_that_of_an_ended_one_is_exact(
    tmp_path: Path, clock: ManualClock, new_id: NewId
) -> None:
    journal = journal_in(tmp_path, clock, new_id)
    for call_id in ("call_1", "call_2"):
        begin(journal, call_id)
        journal.record_state(state(call_id))
        journal.record_state(state(call_id, output=9))
    done = replace(state("call_2", output=11), finish_reason="stop", usage=Usage(input=3, output=11))
    journal.record_end(done)
    journal.close()
    first, second = killed(tmp_path)
    assert (first.usage.output, first.cost, first.outcome) == (9, PAID, Outcome.ERROR)
    assert (second.usage, second.outcome, second.error_kind) == (done.usage, Outcome.OK, "")


async def test_a_line_cut_short_is_left_out(tmp_path: Path, clock: ManualClock, new_id: NewId) -> None:
    journal = journal_in(tmp_path, clock, new_id)
    begin(journal, "call_1")
    begin(journal, "call_2")
    journal.close()
    path = journal_file(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    assert [row.id for row in killed(tmp_path)] == ["call_1"]


async def test_a_full_file_is_left_for_a_new_one_that_knows_the_calls_under_way(
    tmp_path: Path, clock: ManualClock, new_id: NewId
) -> None:
    written = [False]
    journal = FileJournal(tmp_path, clock, new_id, written=lambda: lambda: written[0], largest=1000)
    begin(journal, "open")
    journal.record_state(state("open", output=7))
    for at in range(10):
        begin(journal, f"call_{at}")
        journal.record_end(state(f"call_{at}"))
    journal.tidy()
    assert len(files(tmp_path)) == 2
    written[0] = True
    journal.tidy()
    assert len(files(tmp_path)) == 1
    journal.record_end(state("open", output=8))
    written[0] = False
    journal.close()
    [row] = killed(tmp_path)
    assert (row.id, row.usage.output, row.outcome) == ("open", 8, Outcome.OK)


async def test_a_quiet_journal_is_empty_and_a_closed_one_gone(
    tmp_path: Path, clock: ManualClock, new_id: NewId
) -> None:
    journal = journal_in(tmp_path, clock, new_id, written=True)
    begin(journal, "call_1")
    journal.record_end(state("call_1"))
    journal.tidy()
    path = journal_file(tmp_path)
    assert path.stat().st_size == 0
    journal.close()
    assert files(tmp_path) == []


async def test_orphaned_calls_become_rows_and_their_holds_are_settled_once(
    database: Database, tmp_path: Path, clock: ManualClock, new_id: NewId
) -> None:
    budgets = SqlBudgets(database, clock)
    budget = Budget(
        id="b",
        tenant_id="default",
        scope=BudgetScope.TOTAL,
        subject="",
        period=BudgetPeriod.MONTH,
        limit=Decimal(10),
    )
    await budgets.put(budget)
    await budgets.reserve("call_1", [budget], want=Decimal(2), least=Decimal(1))
    await budgets.reserve("call_2", [budget], want=Decimal(3), least=Decimal(1))
    journal = journal_in(tmp_path, clock, new_id)
    for call_id in ("call_1", "call_2"):
        begin(journal, call_id)
    journal.record_state(state("call_1"))
    journal.close()
    recoveries = [SqlRecovery(database, tmp_path) for _ in range(2)]
    assert sorted(await asyncio.gather(*(each.settle() for each in recoveries))) == [0, 2]
    assert await recoveries[0].settle() == 0
    [use] = await budgets.list("default")
    assert (use.spent, use.reserved) == (Decimal("0.25"), Decimal(0))
    async with database.read() as connection:
        rows = (await connection.execute(select(ledger.c.id, ledger.c.outcome, ledger.c.error_kind))).all()
    assert sorted(map(tuple, rows)) == [("call_1", "error", "process_killed"), ("call_2", "error", "process_killed")]


async def test_an_orphaned_call_is_settled_in_its_budgets_and_its_period_and_nobody_elses(
    database: Database, tmp_path: Path, clock: ManualClock, new_id: NewId
) -> None:
    budgets = SqlBudgets(database, clock)
    one, two, other = (
        Budget(
            id=name,
            tenant_id="default",
            scope=BudgetScope.TOTAL,
            subject="",
            period=BudgetPeriod.DAY,
            limit=Decimal(10),
        )
        for name in ("one", "two", "other")
    )
    for budget in (one, two, other):
        await budgets.put(budget)
    await budgets.reserve("call_0", [one], want=Decimal(4), least=Decimal(1))
    clock.advance(86_400)
    for call_id, held in (("call_1", [one, two]), ("call_2", [one]), ("call_3", [other])):
        await budgets.reserve(call_id, held, want=Decimal(2), least=Decimal(1))
    journal = journal_in(tmp_path, clock, new_id)
    for call_id in ("call_0", "call_1"):
        begin(journal, call_id)
        journal.record_state(state(call_id))
    journal.close()
    assert await SqlRecovery(database, tmp_path).settle() == 2
    uses = {use.budget.id: (use.spent, use.reserved) for use in await budgets.list("default")}
    assert uses == {"one": (Decimal("0.25"), 2), "two": (Decimal("0.25"), 0), "other": (0, 2)}


async def test_all_orphaned_calls_are_settled_however_many_there_are(
    database: Database, tmp_path: Path, clock: ManualClock, new_id: NewId
) -> None:
    journal = journal_in(tmp_path, clock, new_id)
    for number in range(450):
        begin(journal, f"call_{number}")
    journal.close()
    recovery = SqlRecovery(database, tmp_path)
    assert await recovery.settle() == 450
    async with database.read() as connection:
        rows = (await connection.execute(select(ledger.c.id))).scalars().all()
    assert {*rows} == {f"call_{number}" for number in range(450)}
    assert await recovery.settle() == 0


async def test_a_row_that_was_written_before_the_kill_stays_as_it_is(
    database: Database, tmp_path: Path, clock: ManualClock, new_id: NewId
) -> None:
    journal = journal_in(tmp_path, clock, new_id)
    begin(journal, "call_1")
    journal.record_state(state("call_1"))
    journal.close()
    rows = SqlLedger(database, LedgerSpool(tmp_path / "spool"))
    running = asyncio.create_task(rows.run())
    rows.record(state("call_1", output=42))
    await rows.flush()
    rows.close()
    await running
    assert await SqlRecovery(database, tmp_path).settle() == 1
    async with database.read() as connection:
        written = (await connection.execute(select(ledger.c.output_tokens))).scalars().all()
    assert written == [42]


async def test_without_a_folder_calls_go_on_and_are_noted_once_there_is_one(
    tmp_path: Path, clock: ManualClock, new_id: NewId
) -> None:
    home = tmp_path / "home"
    home.write_text("a file where the folder should be")
    journal = journal_in(home, clock, new_id)
    begin(journal, "call_1")
    journal.record_state(state("call_1"))
    begin(journal, "call_2")
    journal.record_end(state("call_2"))
    journal.flush()
    assert killed(home) == []
    home.unlink()
    journal.tidy()
    journal.close()
    assert [row.id for row in killed(home)] == ["call_1"]
    journal.record_end(state("call_1"))
    journal.flush()


async def test_a_line_torn_by_a_full_disk_spoils_no_other(tmp_path: Path, clock: ManualClock, new_id: NewId) -> None:
    program = """
import resource, signal, sys
from pathlib import Path
from llm_service.adapters.file_journal import FileJournal
from penstock_kit.clock import SystemClock
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.ids import new_id

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = FileJournal(Path(sys.argv[1]), SystemClock(), new_id, written=lambda: lambda: False)

def note(call_id):
    journal._waiting.append(("b", call_id, 1, "default", "u", "k", "r", "chat", "m", "s", "e", None))
    journal.flush()

note("call_1")
size = journal._segment.size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, resource.RLIM_INFINITY))
note("call_2")
note("call_3")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
note("call_4")
journal.close()
"""
    pipe = asyncio.subprocess.PIPE  # no file: the limit is for those too
    done = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(tmp_path), stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await done.communicate()
    assert done.returncode == 0, output
    assert [row.id for row in killed(tmp_path)] == ["call_1", "call_4"]

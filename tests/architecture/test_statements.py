"""Every statement on rows that are a tenant's, or a user's, asks whose they are, or says here why it need not."""

import ast
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeGuard

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("gateway", "llm-service", "chat-stream-service", "feature-service")
MAKERS = {"select", "update", "delete", "exists"}
# Tables whose rows belong to one user of the tenant.
OF_A_USER = {"conversations", "streams", "memories"}

# Functions and tables that are not asked for their tenant, and why they need not be.
OF_ALL_TENANTS = {
    "SqlConversationStore._check_stream: streams": "says whether a stream that was just written is there",
    "SqlMemory.set_vector: memories": "the turn was kept by the answer itself a moment ago",
    "SqlErasureStore.list_pending: erasures": "carries out what was asked for, whoever asked",
    "SqlErasureStore.remove: erasures": "carries out what was asked for, whoever asked",
    "SqlMetadataStore.tenants: data_model": "the tenants themselves are what is asked for",
    "SqlMetadataStore.tenants: device": "the tenants themselves are what is asked for",
    "SqlDatasetStore.ended_before: dataset": "retention is the installation's",
    "SqlDatasetStore.renew: dataset": "the leases of a replica",
    "SqlDatasetStore.release: dataset": "the leases of a replica",
    "SqlDatasetStore.fail_abandoned: dataset": "the leases of replicas that are gone",
    "SqlIdentityStore.user: users": "who signs in is looked up before the tenant is known",
    "SqlIdentityStore.users_by_id: users": "names in the audit log, whose entries are a tenant's",
    "SqlIdentityStore.set_password: users": "of a user that was found in its tenant, or signed in",
    "ExternalAccountStore.user: users": "who signs in is looked up before the tenant is known",
    "ExternalAccountStore.set_scopes: users": "of a user that is signing in",
    "_end: users": "of a user that is signing in, who may come from another tenant",
    "_end: api_keys": "the keys of a user that is signing in, in the tenant that is left",
    "SqlIdentityStore.renew_hash: users": "of a user that has just signed in",
    "SqlIdentityStore.key_by_prefix: api_keys": "a key is looked up before the tenant is known",
    "SqlIdentityStore.keys_by_id: api_keys": "names in the audit log, whose entries are a tenant's",
    "AuditStore._delete_beyond: audit": "retention is the installation's",
    "DeliveryStore.give_up_lost: deliveries": "one gateway sends for all tenants",
    "DeliveryStore.claim: deliveries": "one gateway sends for all tenants",
    "DeliveryStore.finish: deliveries": "one gateway sends for all tenants",
    "DeliveryStore.postpone: deliveries": "one gateway sends for all tenants",
    "DeliveryStore.forget: deliveries": "retention is the installation's",
    "add_delivery: deliveries": "the id of a message is made of its channel, which is a tenant's",
    "AlertStore._advance_one: alert_states": "a fingerprint is made of the rule, which is a tenant's",
    "AlertStore.forget_states: alert_states": "retention is the installation's",
    "_put_state: alert_states": "a fingerprint is made of the rule, which is a tenant's",
    "SqlRecovery._settle: ledger": "what a process that died had under way, whoever asked",
    "SqlDatasetStore._one: dataset": "takes the conditions of those who call it",
    "_opening: streams": "they are those of a conversation, which is asked for in the same statement",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function that makes statements: the tables they are of, and the columns it compares."""

    name: str
    where: str
    tables: set[str]
    compares: set[tuple[str, str]]
    calls: set[str]


@cache
def tables_of(service: str) -> dict[str, set[str]]:
    """The columns of each table of a service, by the table's name in the code."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / service / "src").rglob("table.py"):
        for node in ast.parse(path.read_text()).body:
            name = node.target if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [None])[0]
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(name, ast.Name) and node.value is not None:
                columns = [each.args[0] for each in ast.walk(node.value) if is_call(each, {"Column"})]
                found[name.id] = {str(each.value) for each in columns if isinstance(each, ast.Constant)}
    return found


def is_call(node: ast.AST, names: Container[str]) -> TypeGuard[ast.Call]:
    """Whether it calls a function of one of these names."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def functions_in(tree: ast.AST, where: str, tables: Container[str], owner: str = "") -> Iterator[Function]:
    """The functions of a module, methods by their class."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from functions_in(node, where, tables, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield function_of(node, f"{owner}{node.name}", f"{where}:{node.lineno}", tables)


def function_of(node: ast.AST, name: str, where: str, tables: Container[str]) -> Function:
    """What a function asks of which tables."""
    nodes = list(ast.walk(node))
    made = [part for call in nodes if is_call(call, MAKERS) for part in call.args]
    named = {each.id for part in made for each in ast.walk(part) if isinstance(each, ast.Name) and each.id in tables}
    sides = [side for each in nodes if isinstance(each, ast.Compare) for side in (each.left, *each.comparators)]
    compared = {(ast.unparse(side.value), side.attr) for side in sides if isinstance(side, ast.Attribute)}
    called = {each.func for each in nodes if isinstance(each, ast.Call)}
    own = {each.attr for each in called if isinstance(each, ast.Attribute) and ast.unparse(each.value) == "self"}
    bare = {each.id for each in called if isinstance(each, ast.Name)} - MAKERS
    return Function(name=name, where=where, tables=named, compares=compared, calls=own | bare)


def compared_by(
    function: Function, others: dict[str, Function], seen: frozenset[str] = frozenset()
) -> set[tuple[str, str]]:
    """What a function compares, and what those of its module do that it calls."""
    found = set(function.compares)
    for name in function.calls & others.keys() - seen:
        found |= compared_by(others[name], others, seen | {name})
    return found


def unasked(source: str, where: str, tables: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    """The functions of a module that do not ask whose the rows are, each with the place and the column."""
    found = list(functions_in(ast.parse(source), where, tables))
    others = {each.name.rpartition(".")[2]: each for each in found}
    for function in found:
        compared = compared_by(function, others) if function.tables else set[tuple[str, str]]()
        for table in sorted(function.tables):
            wanted = {"tenant_id", "user_id"} if table in OF_A_USER else {"tenant_id"}
            for column in sorted(wanted & tables[table]):
                if not compared & {(f"{table}.c", column), ("columns", column)}:
                    yield f"{function.name}: {table}", f"{function.where}: {table}.{column}"


@cache
def all_unasked() -> list[tuple[str, str]]:
    """What is found in all services."""
    paths = [(service, path) for service in SERVICES for path in sorted((ROOT / service / "src").rglob("*.py"))]
    sources = [(service, path, path.read_text()) for service, path in paths if "migrations" not in path.parts]
    return [
        each
        for service, path, source in sources
        if "from sqlalchemy" in source
        for each in unasked(source, str(path.relative_to(ROOT)), tables_of(service))
    ]


def test_every_statement_on_a_tenants_rows_asks_for_the_tenant_and_on_a_users_for_the_user() -> None:
    assert not [place for name, place in all_unasked() if name not in OF_ALL_TENANTS]


def test_every_exception_is_one() -> None:
    assert set(OF_ALL_TENANTS) == {name for name, _ in all_unasked()}


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        ("streams.c.tenant_id == tenant, streams.c.user_id == user", []),
        ("streams.c.tenant_id == tenant", ["user_id"]),
        ("streams.c.user_id == user", ["tenant_id"]),
        ("others.c.tenant_id == tenant, streams.c.user_id == user", ["tenant_id"]),
    ],
)
def test_a_condition_that_is_dropped_is_noticed(asked: str, missing: list[str]) -> None:
    source = f"def read(tenant, user):\n    return select(streams).where({asked})\n"
    found = unasked(source, "read.py", {"streams": {"id", "tenant_id", "user_id"}})
    assert [place.rpartition(".")[2] for _, place in found] == missing

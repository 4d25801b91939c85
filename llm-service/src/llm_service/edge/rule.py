"""Budgets, policies of keys and prices to protobuf and from it."""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

from penstock.common.v1 import common_pb2
from penstock.llm.v1 import cost_pb2

from llm_service.domain.billing.budget import Budget, BudgetPeriod, BudgetScope, BudgetUse
from llm_service.domain.billing.key_policy import MAX_PATTERN, MAX_PATTERNS, KeyPolicy
from llm_service.domain.billing.price import Price
from llm_service.domain.billing.price_list import PricedModel
from penstock_kit.errors import FieldViolation, InvalidArgument

# Characters that the columns take.
_ID: Final = 64
_SUBJECT: Final = 128
_PROVIDER: Final = 64
_MODEL: Final = 256
_MOST: Final = Decimal(1_000_000)
# Decimal itself would take the digits of any script, underscores and spaces.
_NUMBER: Final = re.compile(r"[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,2})?").fullmatch
_Choice = TypeVar("_Choice", BudgetScope, BudgetPeriod)


def budget_from_proto(proto: cost_pb2.Budget, *, tenant_id: str, new_id: Callable[[str], str]) -> Budget:
    """Return the budget; one without an id gets a new one. Raises InvalidArgument naming the field."""
    _require_short("budget.id", proto.id, _ID)
    _require_short("budget.subject", proto.subject, _SUBJECT)
    scope = _choice("budget.scope", BudgetScope, proto.scope)
    subject = "" if scope is BudgetScope.TOTAL else proto.subject
    if scope is not BudgetScope.TOTAL and not subject:
        raise _wrong("budget.subject", f"a budget of a {scope.value} needs the {scope.value}'s id")
    if proto.limit.currency not in {"", "USD"}:
        raise _wrong("budget.limit.currency", f"it is {proto.limit.currency!r}; budgets are in USD")
    return Budget(
        id=proto.id or new_id("bud"),
        tenant_id=tenant_id,
        scope=scope,
        subject=subject,
        period=_choice("budget.period", BudgetPeriod, proto.period),
        limit=_decimal("budget.limit.amount", proto.limit.amount),
    )


def budget_to_proto(use: BudgetUse, now: datetime) -> cost_pb2.Budget:
    """Return a budget with its use."""
    budget = use.budget
    proto = cost_pb2.Budget(
        id=budget.id,
        scope=budget.scope.value,
        subject=budget.subject,
        period=budget.period.value,
        limit=_money(budget.limit),
        spent=_money(use.spent),
        reserved=_money(use.reserved),
        tenant_id=budget.tenant_id,
    )
    if end := budget.period.end(now):
        proto.period_end.FromDatetime(end)
    return proto


def key_policy_from_proto(proto: cost_pb2.KeyPolicy, *, tenant_id: str) -> KeyPolicy:
    """Return the policy. Raises InvalidArgument naming the field."""
    if not proto.key_id:
        raise _wrong("policy.key_id", "it is empty")
    _require_short("policy.key_id", proto.key_id, _SUBJECT)
    for name in ("tokens_per_minute", "requests_per_minute"):
        if getattr(proto, name) < 0:
            raise _wrong(f"policy.{name}", f"it is {getattr(proto, name)}; 0 is no limit")
    if len(proto.allowed_models) > MAX_PATTERNS:
        raise _wrong("policy.allowed_models", f"it has {len(proto.allowed_models)} models; at most {MAX_PATTERNS} fit")
    for pattern in proto.allowed_models:
        _require_short("policy.allowed_models", pattern, MAX_PATTERN)
    return KeyPolicy(
        tenant_id=tenant_id,
        key_id=proto.key_id,
        allowed_models=tuple(filter(None, proto.allowed_models)),
        tokens_per_minute=proto.tokens_per_minute,
        requests_per_minute=proto.requests_per_minute,
        semantic_cache=proto.semantic_cache,
    )


def key_policy_to_proto(policy: KeyPolicy) -> cost_pb2.KeyPolicy:
    """Return the policy of a key."""
    return cost_pb2.KeyPolicy(
        key_id=policy.key_id,
        allowed_models=policy.allowed_models,
        tokens_per_minute=policy.tokens_per_minute,
        requests_per_minute=policy.requests_per_minute,
        semantic_cache=policy.semantic_cache,
    )


def price_from_proto(proto: cost_pb2.Price) -> Price:
    """Return the price. Raises InvalidArgument naming the field."""
    for name in ("provider", "model"):
        if not getattr(proto, name):
            raise _wrong(f"price.{name}", "it is empty")
    _require_short("price.provider", proto.provider, _PROVIDER)
    _require_short("price.model", proto.model, _MODEL)
    return Price(
        input=_decimal("price.input", proto.input),
        output=_decimal("price.output", proto.output) if proto.output else None,
        cache_read=_decimal("price.cache_read", proto.cache_read) if proto.cache_read else None,
        cache_write=_decimal("price.cache_write", proto.cache_write) if proto.cache_write else None,
    )


def price_to_proto(row: PricedModel) -> cost_pb2.Price:
    """Return a price in force."""
    price = row.price
    proto = cost_pb2.Price(
        provider=row.provider,
        model=row.model,
        input=f"{price.input:f}",
        output="" if price.output is None else f"{price.output:f}",
        cache_read="" if price.cache_read is None else f"{price.cache_read:f}",
        cache_write="" if price.cache_write is None else f"{price.cache_write:f}",
        source=row.source.value,
    )
    if row.since is not None:
        proto.effective_time.FromDatetime(row.since)
    return proto


def _choice(field: str, choices: type[_Choice], value: str) -> _Choice:
    try:
        return choices(value)
    except ValueError:
        there_are = ", ".join(choice.value for choice in choices)
        raise _wrong(field, f"it is {value!r}; there are: {there_are}") from None


def _decimal(field: str, text: str) -> Decimal:
    number = Decimal(text) if _NUMBER(text) else Decimal("NaN")
    if not number.is_finite() or number < 0 or number > _MOST:
        raise _wrong(field, f"it is {text!r}; give a decimal number of USD from 0 to {_MOST}, such as 12.50")
    return number


def _money(amount: Decimal) -> common_pb2.Money:
    return common_pb2.Money(currency="USD", amount=f"{amount:f}", source="operator")


def _require_short(field: str, text: str, most: int) -> None:
    if len(text) > most:
        raise _wrong(field, f"it has {len(text)} characters; it must have at most {most}")
    if "\0" in text:
        raise _wrong(field, "it has a NUL character, which can't be stored; leave it out")


def _wrong(field: str, why: str) -> InvalidArgument:
    violation = FieldViolation(field=field, description=why)
    return InvalidArgument(f"{field}: {why}", reason="RULE_INVALID", violations=[violation])

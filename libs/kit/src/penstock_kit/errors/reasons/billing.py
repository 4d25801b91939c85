"""Reasons of llm-service about costs, budgets, policies and idempotency."""

from typing import Final

from penstock_kit.errors.kind import ErrorKind
from penstock_kit.errors.reasons.row import Row, Section

BILLING: Final = Section(
    title="Costs, budgets and limits of keys",
    rows=(
        Row(
            "BUDGET_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "a budget is used up",
            "wait for its next period, or raise it",
        ),
        Row(
            "BUDGETS_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "too many budgets in the tenant",
            "delete some that are not used any more",
        ),
        Row(
            "BUDGET_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "no such budget",
            "list the budgets",
        ),
        Row(
            "KEY_RATE_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "the key's requests or tokens per minute are used up",
            "wait as long as the answer says",
        ),
        Row(
            "LIMITS_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "budgets and policies could not be read yet",
            "come again in a moment",
        ),
        Row(
            "PRICE_NOT_FOUND",
            (ErrorKind.FAILED_PRECONDITION,),
            "the model has no price and `LLM_UNKNOWN_PRICE` is `refuse`",
            "set a price for it",
        ),
        Row(
            "COSTS_DENIED",
            (ErrorKind.PERMISSION_DENIED,),
            "the costs of others",
            "ask for your own",
        ),
        Row(
            "GROUP_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a grouping of costs that does not exist",
            "the message lists those that do",
        ),
        Row(
            "RULE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a field of a budget, price or policy is wrong; `errors` names it",
            "mend the named field",
        ),
        Row(
            "IDEMPOTENCY_ANSWER_UNAVAILABLE",
            (ErrorKind.FAILED_PRECONDITION,),
            "the answer under this key was kept under a signing secret that is not known any more",
            "read what the request made, or use a new key to ask anew",
        ),
        Row(
            "IDEMPOTENCY_KEY_CONFLICT",
            (ErrorKind.UNPROCESSABLE,),
            "the key came with another request",
            "a new key for a new request",
        ),
        Row(
            "IDEMPOTENCY_KEY_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a key that is too long",
            "the message names the most characters",
        ),
    ),
)

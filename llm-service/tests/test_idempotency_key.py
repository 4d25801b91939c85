"""Which idempotency keys are taken, and whose answers they stand for."""

import pytest

from llm_service.domain.reuse.idempotency import scoped_key
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import InvalidArgument


def scoped(key: str, **caller: str) -> str:
    known = {"tenant_id": "t", "user_id": "u", "key_id": "k"} | caller
    with use_context(CallContext(request_id="r", caller=Caller(scopes=frozenset(), **known))):
        return scoped_key(key)


def test_a_key_of_255_characters_is_taken_and_a_longer_one_refused() -> None:
    assert scoped("k" * 255)
    with pytest.raises(InvalidArgument, match="256 characters; 255 are allowed"):
        scoped("k" * 256)


@pytest.mark.parametrize("other", [{"tenant_id": "x"}, {"user_id": "x"}, {"key_id": "x"}])
def test_the_same_key_of_another_tenant_user_or_api_key_is_another(other: dict[str, str]) -> None:
    assert scoped("once") == scoped("once")
    assert scoped("once", **other) != scoped("once")

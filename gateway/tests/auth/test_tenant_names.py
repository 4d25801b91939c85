"""What may be the name of a tenant: the whole of it is looked at."""

from typing import Any

import pytest

from penstock_kit.errors import InvalidArgument


@pytest.mark.parametrize("name", ["a", "0", "acme", "acme-2_eu", "a" * 63])
async def test_an_operator_may_name_a_tenant_of_small_letters_digits_and_dashes(house: Any, name: str) -> None:
    root = await house.user("root", {"operator"})
    assert await house.users.list_users(root, name) == []


@pytest.mark.parametrize(
    "name", ["Acme", "-a", "_a", "a b", "acme corp", "acme!", "acme\n", "a/b", "a:b", "ä", "acmé", "a" * 64, "a\x00"]
)
async def test_any_other_character_anywhere_makes_it_none(house: Any, name: str) -> None:
    root = await house.user("root", {"operator"})
    with pytest.raises(InvalidArgument) as refused:
        await house.users.list_users(root, name)
    assert (refused.value.reason, refused.value.violations[0].field) == ("TENANT_INVALID", "tenant_id")

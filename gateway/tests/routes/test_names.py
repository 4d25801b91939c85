"""Names of users and keys that would look like others, or steer the terminal that lists them."""

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("username", "said"),
    [
        ("admin\u200b", "invisible character U+200B at position 5"),
        ("\u202eadmin", "control character U+202E at position 0"),
        ("admin\x7f", "control character U+007F"),
        ("\x1f", "control character U+001F"),
        ("ａｄｍｉｎ", "another form of 'admin'"),
    ],
)
async def test_a_user_name_that_looks_like_another_is_refused(gateway: Any, username: str, said: str) -> None:
    body = {"username": username, "password": "a-long-enough-Passw0rd"}
    refused = await gateway.client.post("/api/v1/users", headers=gateway.auth(), json=body)
    assert refused.status_code == 422
    assert said in refused.text


async def test_a_key_name_holds_no_control_characters(gateway: Any) -> None:
    refused = await gateway.client.post("/api/v1/keys", headers=gateway.auth(), json={"name": "\x1b[2Jci"})
    assert refused.status_code == 422
    assert "control character U+001B at position 0" in refused.text
    made = await gateway.client.post("/api/v1/keys", headers=gateway.auth(), json={"name": "焊机 👩‍🔧 ci"})
    assert made.status_code == 201
    await gateway.client.delete(f"/api/v1/keys/{made.json()['id']}", headers=gateway.auth())

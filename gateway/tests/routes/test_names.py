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
        ("аdmin", "mixes letters of cyrillic and latin"),
        ("admіn", "mixes letters of cyrillic and latin"),
        ("αdmin", "mixes letters of greek and latin"),
        ("сосо", "cyrillic letters only that look like latin ones"),
        ("ΑΝΝΑ", "greek letters only that look like latin ones"),
        ("ann٣", "a digit of another script"),
        ("a\u034fdmin", "U+034F at position 1, which is invisible"),
        ("x\ufe0fy", "which is invisible"),
        ("a\u115fb", "which is invisible"),
        ("x\u2800y", "which is invisible"),
        ("admın", "a letter that looks like another one"),
        ("ɑdmin", "a letter that looks like another one"),
        ("ᴀᴅᴍɪɴ", "a letter that looks like another one"),
        ("ǀadmin", "a letter that looks like another one"),
        ("ꓮꓓ", "a letter of lisu"),
        ("հհ", "armenian letters only that look like latin ones"),
        ("x\u0332y", "a mark that belongs to no letter before it"),
        ("ann😀", "a symbol"),
    ],
)
async def test_a_user_name_that_looks_like_another_is_refused(gateway: Any, username: str, said: str) -> None:
    body = {"username": username, "password": "a-long-enough-Passw0rd"}
    refused = await gateway.client.post("/api/v1/users", headers=gateway.auth(), json=body)
    assert refused.status_code == 422
    assert said in refused.text


@pytest.mark.parametrize(
    "username",
    [
        "zoë",
        "Łukasz_2",
        "анна",
        "张伟",
        "山田たろう",
        "김철수",
        "wei张",
        "ann.o'hara",
        "مريم",
        "Ελένη",
        "नरेन्द्र",
        "မောင်",
        "山田タロー",
    ],
)
async def test_names_of_one_script_and_of_those_that_are_written_together_are_taken(
    gateway: Any, username: str
) -> None:
    body = {"username": username, "password": "a-long-enough-Passw0rd"}
    made = await gateway.client.post("/api/v1/users", headers=gateway.auth(), json=body)
    assert made.status_code == 201
    assert made.json()["username"] == username


async def test_a_name_that_differs_in_capitals_alone_is_taken(gateway: Any) -> None:
    answers = []
    for username in ("Henrik", "henrik", "HENRIK"):
        body = {"username": username, "password": "a-long-enough-Passw0rd"}
        answers.append(await gateway.client.post("/api/v1/users", headers=gateway.auth(), json=body))
    assert [answer.status_code for answer in answers] == [201, 409, 409]
    assert "'Henrik' is taken" in answers[1].text


async def test_a_key_name_holds_no_control_characters(gateway: Any) -> None:
    refused = await gateway.client.post("/api/v1/keys", headers=gateway.auth(), json={"name": "\x1b[2Jci"})
    assert refused.status_code == 422
    assert "control character U+001B at position 0" in refused.text
    made = await gateway.client.post("/api/v1/keys", headers=gateway.auth(), json={"name": "焊机 👩‍🔧 ci"})
    assert made.status_code == 201
    await gateway.client.delete(f"/api/v1/keys/{made.json()['id']}", headers=gateway.auth())

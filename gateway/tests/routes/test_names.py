"""Names of users and keys that would look like others, or steer the terminal that lists them."""

from dataclasses import replace
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
        ("\u0e01\u0ec8", "a mark of another script than the letter before it"),
        ("\u0628\u0306", "a mark of another script than the letter before it"),
        ("\u0e01\u3099", "a mark of another script than the letter before it"),
        ("\u1100\u1100", "a loose part of a syllable"),
        ("ann😀", "a symbol"),
        ("\u0e04\u0e4d\u0e32", "another form of '\u0e04\u0e33'"),
        ("\u0e19\u0e49\u0e4d\u0e32", "another form of '\u0e19\u0e49\u0e33'"),
        ("\u0e84\u0ecd\u0eb2", "another form of '\u0e84\u0eb3'"),
        ("\ufb01na", "another form of 'fina'"),
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
        "\u0e19\u0e49\u0e33\u0e1d\u0e19",
        "\u0e84\u0eb3\u0e9c\u0eb8\u0e8d",
        "\u0edc\u0eb9",
        "\u0edd\u0ec9\u0eb2",
        "\u054d\u0587\u0561\u056f",
        "\u304b\u309a",
        "\u0e41\u0e14\u0e07",
        "\u0639\u0644\u06cc",
    ],
)
async def test_names_of_one_script_and_of_those_that_are_written_together_are_taken(
    gateway: Any, username: str
) -> None:
    body = {"username": username, "password": "a-long-enough-Passw0rd"}
    made = await gateway.client.post("/api/v1/users", headers=gateway.auth(), json=body)
    assert made.status_code == 201
    assert made.json()["username"] == username


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("\u09ac\u09dc\u09c1\u09df\u09be", "\u09ac\u09a1\u09bc\u09c1\u09af\u09bc\u09be"),
        ("\u092b\u095d", "\u092b\u0922\u093c"),
        ("Rene\u0301e", "Ren\u00e9e"),
    ],
)
async def test_letters_that_keyboards_write_in_two_ways_are_stored_in_one_and_log_in_by_both(
    gateway: Any, typed: str, stored: str
) -> None:
    password = "a-long-enough-Passw0rd"
    body = {"username": typed, "password": password}
    made = await gateway.client.post("/api/v1/users", headers=gateway.auth(), json=body)
    assert (made.status_code, made.json()["username"]) == (201, stored)
    for username in (typed, stored):
        body = {"username": username, "password": password}
        assert (await gateway.client.post("/api/v2/auth/login", json=body)).status_code == 200


async def test_a_name_with_another_form_of_a_letter_is_taken(gateway: Any) -> None:
    answers = []
    for username in ("\u054d\u0587\u0561\u0576", "\u054d\u0565\u0582\u0561\u0576"):
        body = {"username": username, "password": "a-long-enough-Passw0rd"}
        answers.append(await gateway.client.post("/api/v1/users", headers=gateway.auth(), json=body))
    assert [answer.status_code for answer in answers] == [201, 409]


async def test_a_name_that_differs_in_capitals_alone_is_taken(gateway: Any) -> None:
    answers = []
    for username in ("Henrik", "henrik", "HENRIK"):
        body = {"username": username, "password": "a-long-enough-Passw0rd"}
        answers.append(await gateway.client.post("/api/v1/users", headers=gateway.auth(), json=body))
    assert [answer.status_code for answer in answers] == [201, 409, 409]
    assert "'Henrik' is taken" in answers[1].text


async def test_a_name_that_looks_like_that_of_another_user_is_taken(gateway: Any) -> None:
    answers = []
    for username in ("\u0e41\u0e01\u0e49\u0e27", "\u0e40\u0e40\u0e01\u0e49\u0e27"):
        body = {"username": username, "password": "a-long-enough-Passw0rd"}
        answers.append(await gateway.client.post("/api/v1/users", headers=gateway.auth(), json=body))
    assert [answer.status_code for answer in answers] == [201, 409]
    assert "'\u0e41\u0e01\u0e49\u0e27' is taken" in answers[1].text


async def test_a_user_with_a_name_that_would_be_refused_today_still_logs_in(gateway: Any) -> None:
    password = "a-long-enough-Passw0rd"
    body = {"username": "marek", "password": password}
    made = (await gateway.client.post("/api/v1/users", headers=gateway.auth(), json=body)).json()
    alike = replace(await gateway.store.user(made["id"]), id="user_alike", username="rnarek")
    assert await gateway.store.add_user(alike)
    for username in ("marek", "rnarek"):
        body = {"username": username, "password": password}
        assert (await gateway.client.post("/api/v2/auth/login", json=body)).status_code == 200


async def test_a_key_name_holds_no_control_characters(gateway: Any) -> None:
    refused = await gateway.client.post("/api/v1/keys", headers=gateway.auth(), json={"name": "\x1b[2Jci"})
    assert refused.status_code == 422
    assert "control character U+001B at position 0" in refused.text
    made = await gateway.client.post("/api/v1/keys", headers=gateway.auth(), json={"name": "焊机 👩‍🔧 ci"})
    assert made.status_code == 201
    await gateway.client.delete(f"/api/v1/keys/{made.json()['id']}", headers=gateway.auth())


NAMED = {
    "POST /api/v1/alarms name": {"watch": "no_data", "device_codes": ["x"], "seconds": 60},
    "POST /api/v1/channels name": {"kind": "email", "recipients": ["a@b.example"]},
    "POST /api/v1/channels url": {"kind": "webhook", "name": "x"},
    "POST /api/v1/clients name": {},
    "POST /api/v1/personalities name": {"prompt": "x"},
    "POST /api/v1/templates name": {"content": "x"},
    "POST /api/v2/metadata/devices name": {"device_code": "x"},
    "POST /api/v2/metadata/devices device_type": {"device_code": "x"},
    "PUT /api/v2/metadata/devices/x name": {},
    "POST /api/v2/metadata/models name": {"model_code": "x"},
    "POST /api/v2/metadata/models device_type": {"model_code": "x"},
    "POST /api/v2/metadata/models model_type": {"model_code": "x"},
}


@pytest.mark.parametrize("text", ["https://a\x1b[2Jb", "https://a\u202eb", "https://a\r\nSubject: b"])
@pytest.mark.parametrize("place", NAMED)
async def test_what_people_read_in_lists_and_messages_holds_nothing_that_steers(
    gateway: Any, place: str, text: str
) -> None:
    method, path, field = place.split()
    refused = await gateway.client.request(method, path, headers=gateway.auth(), json={**NAMED[place], field: text})
    assert refused.status_code == 422
    assert f"{field}: " in refused.text
    assert "holds the control character" in refused.text

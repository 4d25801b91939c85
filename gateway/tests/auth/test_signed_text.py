"""Signed texts are everybody's JSON Web Tokens, only stricter."""

import subprocess
import sys
from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.signed_text import SignedText, SignedTextError, sign
from penstock_testkit.waiting import HANG_SECONDS

SECRET = "a-secret-of-thirty-two-characters"
CLAIMS = {"iss": "us", "aud": "here", "sub": "ann", "jti": "1", "exp": 4_000_000_000}
BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def read(text: str, secret: str = SECRET) -> dict[str, Any]:
    return dict(SignedText.parse(text).claims(secret, issuer="us", audience="here", required=("sub", "exp")))


def by_library(claims: dict[str, Any], **header: Any) -> str:
    return jwt.encode(claims, SECRET, algorithm="HS256", headers=header)


names = st.text(min_size=1, max_size=30)


@given(
    extra=st.dictionaries(
        names.map("x".__add__), st.none() | st.booleans() | st.integers(-(2**70), 2**70) | names, max_size=5
    ),
    header=st.dictionaries(st.sampled_from(["kid", "typ"]), names, max_size=2),
)
def test_what_we_sign_the_library_reads_and_what_it_signs_we_read(
    extra: dict[str, Any], header: dict[str, str]
) -> None:
    claims = extra | CLAIMS
    ours = sign(claims, SECRET, header=header)
    theirs = by_library(claims, **header)
    found = jwt.decode_complete(ours, SECRET, algorithms=["HS256"], audience="here", issuer="us")
    assert found["payload"] == read(ours) == read(theirs) == claims
    assert SignedText.parse(ours).header == {"alg": "HS256", **header}
    assert header.items() <= SignedText.parse(theirs).header.items()


@given(text=st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,50}", fullmatch=True))
def test_any_other_text_is_refused_by_the_one_error(text: str) -> None:
    with pytest.raises(SignedTextError):
        read(text)


@given(place=st.integers(0, 400), letter=st.sampled_from(BASE64URL))
def test_no_character_of_a_signed_text_can_be_another(place: int, letter: str) -> None:
    text = sign(CLAIMS, SECRET, header={"typ": "t"})
    at = place % len(text)
    changed = text[:at] + letter + text[at + 1 :]
    if changed != text:
        with pytest.raises(SignedTextError):
            read(changed)


@pytest.mark.parametrize("end", ["\n", "=", ".", " "])
def test_nothing_may_follow_a_signed_text(end: str) -> None:
    text = sign(CLAIMS, SECRET, header={})
    assert read(text) == CLAIMS
    with pytest.raises(SignedTextError):
        read(text + end)


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"crit": []}, {"b64": True}], ids=str)
def test_a_header_that_changes_how_the_rest_is_read_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(SignedTextError, match="another way"):
        read(sign(CLAIMS, SECRET, header=header))


@pytest.mark.parametrize("algorithm", ["none", "hs256", "HS512", "RS256", "", None])
def test_no_other_algorithm_can_be_named(algorithm: Any) -> None:
    with pytest.raises(SignedTextError, match="another way"):
        read(sign(CLAIMS, SECRET, header={"alg": algorithm}))


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "them"}, {"iss": None}, {"iss": ["us"]}, {"aud": "there"}, {"aud": ["here"]}, {"sub": None}, {"sub": 7},
        {"jti": 7}, {"exp": None}, {"exp": "4000000000"}, {"exp": 4e9}, {"exp": True}, {"iat": "now"}, {"iat": 1.5},
    ],
    ids=str,
)  # fmt: skip
def test_claims_of_others_incomplete_ones_and_those_of_another_kind_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SignedTextError):
        read(sign(CLAIMS | change, SECRET, header={}))


def test_another_secret_reads_nothing() -> None:
    with pytest.raises(SignedTextError, match="somebody else"):
        read(sign(CLAIMS, SECRET, header={}), SECRET + "!")


@pytest.mark.parametrize("content", [b"[]", b"7", b"null", b"{", b"\xff", b"[" * 6_000, b'{"a":' * 1_200], ids=len)
def test_what_is_signed_is_one_json_object(content: bytes) -> None:
    part = urlsafe_b64encode(content).decode().rstrip("=")
    with pytest.raises(SignedTextError, match="JSON"):
        read(f"{part}.e30.AA")


def test_tokens_and_tickets_are_made_and_read_without_the_library_of_all_algorithms() -> None:
    code = """
import sys
from datetime import timedelta
from gateway.auth.ticket import Tickets
from gateway.auth.token import AccessTokens
from penstock_kit.clock import SystemClock
from penstock_kit.context import Caller

tokens = AccessTokens(secrets=("s" * 32,), lifetime=timedelta(minutes=1), clock=SystemClock())
tickets = Tickets(secrets=("s" * 32,), used=None, revalidate=None, clock=SystemClock())
ticket = tickets.issue(Caller(user_id="ann", tenant_id="acme"), "str_1")
assert tickets._read(ticket) is not None
try:
    tokens.verify(ticket)
except Exception as error:
    print(error.reason)
print(sorted({"jwt", "cryptography"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )
    assert (done.stderr, done.stdout) == ("", "CREDENTIALS_INVALID\n[]\n")

"""What a wrong, slow or lying issuer can't do: nobody comes in, nothing hangs, local users are unaffected."""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import time

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.auth.oidc.discovery import Discovery, issuer_metadata
from gateway.auth.oidc.issuer_http import IssuerHttp
from gateway.auth.oidc.key_set import KeySet
from penstock_kit.errors import BadUpstream, Unauthenticated, Unavailable
from penstock_kit.outbound.destinations import Destinations
from penstock_kit.outbound.guarded_http import GuardedHttp
from penstock_testkit.clock import ManualClock
from penstock_testkit.servers.openid_provider import never, public_jwk, signing_key
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

DESCRIPTION, TOKEN, KEYS = "/.well-known/openid-configuration", "/token", "/jwks"


def encoded(part):
    return base64.urlsafe_b64encode(part if isinstance(part, bytes) else json.dumps(part).encode()).rstrip(b"=")


def unsigned(header, claims):
    return b".".join((encoded({**header, "alg": "none"}), encoded(claims), b"")).decode()


def signed_by_the_public_key(header, claims):
    public = signing_key("rsa-1").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    content = b".".join((encoded({**header, "alg": "HS256"}), encoded(claims)))
    return b".".join((content, encoded(hmac.digest(public, content, hashlib.sha256)))).decode()


def signed_by_a_key_of_its_own(header, claims):
    header = {**header, "jwk": public_jwk("rsa-other"), "jku": "https://evil.example/keys", "kid": "rsa-1"}
    return jwt.encode(claims, signing_key("rsa-other"), algorithm="RS256", headers=header)


def signed_by_a_short_key(header, claims):
    content = b".".join((encoded({**header, "alg": "RS256", "kid": "short-1"}), encoded(claims)))
    signature = signing_key("short-1").sign(content, padding.PKCS1v15(), hashes.SHA256())
    return b".".join((content, encoded(signature))).decode()


def with_claims_of_another(header, claims):
    token = jwt.encode(claims, signing_key("rsa-1"), algorithm="RS256", headers=header)
    head, _, signature = token.split(".")
    return ".".join((head, encoded({**claims, "sub": "root"}).decode(), signature))


NOW = int(time.time())
WRONG_CLAIMS = [
    {"nonce": "other"},
    {"nonce": None},
    {"aud": "other"},
    {"aud": None},
    {"aud": ["penstock", "other"]},
    {"aud": ["penstock"], "azp": "other"},
    {"azp": "other"},
    {"iss": "https://other.example"},
    {"exp": NOW - 3600},
    {"exp": "tomorrow"},
    {"exp": None},
    {"exp": True},
    {"exp": 10**400},
    {"exp": float("inf")},
    {"iat": -(10**400)},
    {"iat": NOW + 36000},
    {"iat": None},
    {"nbf": NOW + 36000},
    {"at_hash": "x" * 22},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"sub": "x" * 256},
    {"sub": "a\0b"},
]


async def reason(answer, status):
    assert answer.status_code == status, answer.text
    return answer.json()["reason"]


WRONG_SIGNATURES = [
    unsigned,
    signed_by_the_public_key,
    signed_by_a_key_of_its_own,
    with_claims_of_another,
    lambda header, claims: "x",
    lambda header, claims: "a.b.c",
    lambda header, claims: "é.ü.ß",
    lambda header, claims: "x" * 300_000,
    lambda header, claims: ".".join(part.decode() for part in (encoded([]), encoded({}), encoded("x"))),
]


# Of one gateway: a token that lets nobody in leaves nothing, and to start one takes longer than to sign in ten times.
async def test_an_id_token_with_a_wrong_claim_lets_nobody_in(running, provider, browse):
    for claims in WRONG_CLAIMS:
        provider.token_claims = claims
        assert await reason(await browse(running).sign_in(), 401) == "ID_TOKEN_INVALID", claims
        assert await running.store.users("welding") == [], claims


async def test_an_id_token_that_the_issuer_did_not_sign_lets_nobody_in(running, provider, browse):
    for number, sign in enumerate(WRONG_SIGNATURES):
        provider.sign = sign
        assert await reason(await browse(running).sign_in(), 401) == "ID_TOKEN_INVALID", number
        assert await running.store.users("welding") == [], number


@pytest.mark.parametrize("header", [{"kid": "rsa-9"}, {"crit": ["exp"]}, {"kid": "../jwks"}], ids=str)
async def test_an_id_token_with_a_wrong_header_lets_nobody_in(running, provider, browse, header):
    provider.header = header
    assert await reason(await browse(running).sign_in(), 401) == "ID_TOKEN_INVALID"


async def test_short_keys_do_not_count(running, provider, browse):
    provider.sign = signed_by_a_short_key
    provider.published = ["short-1"]
    answer = await browse(running).sign_in()
    assert await reason(answer, 401) == "ID_TOKEN_INVALID"
    assert "1024 bits" in answer.json()["detail"]


async def test_keys_for_encryption_do_not_count(running, provider, browse):
    async def keys(request):
        return web.json_response({"keys": [{**public_jwk("rsa-1"), "use": "enc"}]})

    provider.handlers[KEYS] = keys
    assert await reason(await browse(running).sign_in(), 401) == "ID_TOKEN_INVALID"


@pytest.mark.parametrize("key", ["ec-1", "ed-1"])
async def test_tokens_on_elliptic_curves_and_without_a_key_id_are_good(running, provider, browse, key):
    provider.key = key
    provider.published = [key, "rsa-1"]
    provider.header = {"kid": None}
    assert (await browse(running).sign_in()).headers["location"] == "/#signed-in"


async def test_audiences_beside_ours_are_good_when_the_token_was_given_to_us(running, provider, browse):
    # It ended by less than clocks may differ, and so much less that the slowest way to the callback changes nothing.
    provider.token_claims = {"aud": ["account", "penstock"], "azp": "penstock", "exp": int(time.time()) - 1}
    assert (await browse(running).sign_in()).headers["location"] == "/#signed-in"


@pytest.mark.parametrize(
    ("methods", "told"),
    [
        (["client_secret_post"], "post"),
        (["client_secret_basic", "client_secret_post"], "basic"),
        (["private_key_jwt"], "basic"),
    ],
)
async def test_the_client_proves_itself_as_the_issuer_wants_it(running, provider, browse, methods, told):
    provider.description = {"token_endpoint_auth_methods_supported": methods}
    assert (await browse(running).sign_in()).headers["location"] == "/#signed-in"
    assert provider.authentication == [told]


async def test_a_public_client_proves_itself_by_pkce_alone(start_gateway, sso, provider, browse):
    provider.client_secret = ""
    running = await start_gateway(**{**sso, "oidc_client_secret": ""})
    assert (await browse(running).sign_in()).headers["location"] == "/#signed-in"
    assert provider.authentication == ["none"]


# --- answers that are none ----------------------------------------------------------------------------------------


async def html(request):
    return web.Response(text="<html>Sign in</html>", content_type="text/html")


async def huge(request):
    return web.json_response({"issuer": "x" * 2_000_000})


async def a_list(request):
    return web.json_response([1])


async def broken(request):
    return web.Response(status=503)


async def elsewhere(request):
    return web.Response(status=302, headers={"location": "/elsewhere"})


async def refused(request):
    return web.json_response(
        {"error": "invalid_client", "error_description": "call the people of the issuer"}, status=401
    )


@pytest.mark.parametrize("path", [DESCRIPTION, TOKEN, KEYS])
@pytest.mark.parametrize("answer", [html, huge, a_list, elsewhere, broken])
async def test_an_answer_that_is_none_is_told_and_lets_nobody_in(running, provider, browse, path, answer):
    provider.handlers[path] = answer
    provider.handlers["/elsewhere"] = html
    browser = browse(running)
    answered = await browser.client.get("/auth/oidc/start") if path == DESCRIPTION else await browser.sign_in()
    expected = (503, "ISSUER_UNAVAILABLE") if answer is broken else (502, "ISSUER_RESPONSE_INVALID")
    assert (answered.status_code, answered.json()["reason"]) == expected
    assert "/elsewhere" not in provider.asked
    assert await running.store.users("welding") == []


async def test_an_issuer_that_does_not_know_the_client_is_told_by_its_code(running, provider, browse):
    provider.handlers[TOKEN] = refused
    answer = await browse(running).sign_in()
    assert await reason(answer, 403) == "SIGN_IN_DENIED"
    assert "invalid_client" in answer.json()["detail"] and "call the people" not in answer.text


@pytest.mark.parametrize("answer", [{"id_token": None}, {"id_token": 7}, {"access_token": []}], ids=str)
async def test_an_answer_without_tokens_lets_nobody_in(running, provider, browse, answer):
    provider.token_answer = answer
    assert await reason(await browse(running).sign_in(), 502) == "ISSUER_RESPONSE_INVALID"


async def test_an_issuer_that_is_away_stops_nobody_who_has_a_password_or_a_key(running, provider, browse):
    provider.handlers[DESCRIPTION] = broken
    page = browse(running, {"accept": "text/html"})
    answer = await page.client.get("/auth/oidc/start?return_to=/dashboard")
    assert answer.headers["location"] == "/dashboard#sign-in-failed=ISSUER_UNAVAILABLE"
    login = {"username": "admin", "password": running.password}
    assert (await running.client.post("/api/v2/auth/login", json=login)).status_code == 200
    assert (await running.client.get("/ready/gateway")).status_code == 200


async def test_an_issuer_inside_the_network_is_asked_only_where_the_setting_names_it(
    start_gateway, sso, provider, browse
):
    running = await start_gateway(**{**sso, "oidc_networks": ""})
    answer = await browse(running).client.get("/auth/oidc/start")
    assert await reason(answer, 503) == "ISSUER_UNAVAILABLE"
    assert provider.asked == {} and "127.0.0.1" not in answer.text


# --- asking the issuer --------------------------------------------------------------------------------------------


@pytest.fixture
def clock():
    return ManualClock()


def asking(seconds=HANG_SECONDS):
    networks = Destinations(hosts=("*",), networks=(ipaddress.ip_network("127.0.0.0/8"),))
    return IssuerHttp(GuardedHttp(networks), seconds=seconds)


async def test_an_issuer_that_never_answers_is_given_up(provider, clock):
    provider.handlers[DESCRIPTION] = never
    http = asking(0.3)
    with pytest.raises(Unavailable) as caught:
        await Discovery(provider.issuer, http, clock).metadata()
    assert caught.value.reason == "ISSUER_UNAVAILABLE"
    await http.close()


async def test_an_issuer_that_failed_is_not_asked_by_everybody_and_is_asked_again(provider, clock):
    provider.handlers[DESCRIPTION] = broken
    http = asking()
    discovery = Discovery(provider.issuer, http, clock)
    found = await asyncio.gather(*(discovery.metadata() for _ in range(10)), return_exceptions=True)
    assert [type(error) for error in found] == [Unavailable] * 10
    assert provider.asked[DESCRIPTION] == 1
    del provider.handlers[DESCRIPTION]
    clock.advance(2)
    assert (await discovery.metadata()).issuer == provider.issuer
    await http.close()


async def test_those_who_wait_for_keys_that_never_come_do_not_wait_one_after_the_other(provider, clock):
    provider.handlers[KEYS] = broken
    http = asking()
    keys = KeySet(Discovery(provider.issuer, http, clock), http, clock)
    found = await asyncio.gather(*(keys.find("rsa-1", "RS256") for _ in range(10)), return_exceptions=True)
    assert [type(error) for error in found] == [Unavailable] * 10
    assert provider.asked[KEYS] == 1
    del provider.handlers[KEYS]
    clock.advance(2)
    assert (await keys.find("rsa-1", "RS256")).key_id == "rsa-1"
    await http.close()


async def test_the_description_is_asked_for_once_an_hour(provider, clock):
    http = asking()
    discovery = Discovery(provider.issuer, http, clock)
    for seconds in (0, 3599, 1, 10):
        clock.advance(seconds)
        await discovery.metadata()
    assert provider.asked[DESCRIPTION] == 2
    await http.close()


async def test_a_new_key_is_found_and_unknown_ones_are_looked_for_once_in_ten_seconds(provider, clock):
    http = asking()
    keys = KeySet(Discovery(provider.issuer, http, clock), http, clock)
    await keys.find("rsa-1", "RS256")
    provider.published = ["rsa-2", "rsa-1"]
    clock.advance(10)
    assert (await keys.find("rsa-2", "RS256")).key_id == "rsa-2"
    for number in range(20):
        with pytest.raises(Unauthenticated):
            await keys.find(f"other-{number}", "RS256")
    assert provider.asked[KEYS] == 2
    with pytest.raises(Unauthenticated):  # a token that names no key, and two that fit
        await keys.find(None, "RS256")
    await http.close()


async def test_a_key_that_the_issuer_took_back_counts_no_longer_than_an_hour(provider, clock):
    http = asking()
    keys = KeySet(Discovery(provider.issuer, http, clock), http, clock)
    await keys.find("rsa-1", "RS256")
    provider.published = ["rsa-2"]
    clock.advance(3600)
    with pytest.raises(Unauthenticated):
        await keys.find("rsa-1", "RS256")
    await http.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issuer", "https://other.example"),
        ("issuer", "https://op.example/"),
        ("token_endpoint", None),
        ("token_endpoint", 7),
        ("token_endpoint", "http://op.example/token"),
        ("authorization_endpoint", "javascript:alert(1)"),
        ("authorization_endpoint", "https://user:secret@op.example/"),
        ("jwks_uri", "file:///etc/passwd"),
        ("userinfo_endpoint", "ftp://op.example"),
    ],
)
async def test_a_description_of_another_issuer_or_with_unsafe_addresses_is_refused(name, value):
    good = {"issuer": "https://op.example"}
    good |= {n: f"https://op.example/{n}" for n in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    assert issuer_metadata(good, "https://op.example").takes_basic
    with pytest.raises(BadUpstream) as caught:
        issuer_metadata({**good, name: value}, "https://op.example")
    assert caught.value.reason == "ISSUER_RESPONSE_INVALID"

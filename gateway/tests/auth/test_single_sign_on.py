"""Single sign-on through a local issuer that speaks the real wire: from the first redirect to a session and its end."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import update

from gateway.auth.secret import digest
from gateway.auth.table import users

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLBACK, SESSION = "/auth/oidc/callback", "/api/v2/auth/oidc/session"
HTML = {"accept": "text/html,application/xhtml+xml"}
PASSWORD = "four unlikely words here"


async def test_a_browser_signs_in_through_the_issuer_and_is_what_its_group_gives(running, provider, browse):
    browser = browse(running)
    location = await browser.start("/dashboard")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    assert asked["code_challenge_method"] == "S256" and asked["redirect_uri"] == f"http://127.0.0.1:8000{CALLBACK}"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    answer = await browser.callback(await browser.authorize(location))
    assert (answer.status_code, answer.headers["location"]) == (302, "/dashboard#signed-in")
    tokens = (await browser.client.post(SESSION)).json()["data"]
    told = (await browser.me(tokens)).json()["data"]
    assert told["tenant_id"] == "welding"
    assert told["scopes"] == ["chat", "costs", "models", "telemetry:read", "telemetry:write"]
    user = await running.store.user(told["user_id"])
    assert (user.username, user.password_hash) == ("jane", "")
    assert provider.authentication == ["basic"]


# --- what a browser may bring back --------------------------------------------------------------------------------


async def reason(answer, status):
    assert answer.status_code == status, answer.text
    return answer.json()["reason"]


async def test_a_return_counts_once_and_asks_the_issuer_once(running, provider, browse):
    browser = browse(running)
    back = await browser.authorize(await browser.start())
    cookies = dict(browser.client.cookies)
    assert (await browser.callback(back)).status_code == 302
    browser.client.cookies.update(cookies)
    assert await reason(await browser.callback(back), 400) == "SIGN_IN_INVALID"
    assert provider.asked["/token"] == 1


async def test_a_code_that_was_used_is_refused_by_the_issuer(running, provider, browse):
    browser = browse(running)
    first = await browser.authorize(await browser.start())
    assert (await browser.callback(first)).status_code == 302
    second = await browser.authorize(await browser.start())
    answer = await browser.callback({**second, "code": first["code"]})
    assert await reason(answer, 403) == "SIGN_IN_DENIED"
    assert "invalid_grant" in answer.json()["detail"]


async def test_a_return_to_another_browser_signs_nobody_in(running, provider, browse):
    mine, victim = browse(running), browse(running)
    back = await mine.authorize(await mine.start())
    assert await reason(await victim.callback(back), 400) == "SIGN_IN_INVALID"
    await victim.start()
    assert await reason(await victim.callback(back), 400) == "SIGN_IN_INVALID"
    renamed = {name.replace(name[-8:], back["state"][:8]): value for name, value in victim.client.cookies.items()}
    victim.client.cookies.update(renamed)
    assert await reason(await victim.callback(back), 400) == "SIGN_IN_INVALID"
    assert "/token" not in provider.asked
    assert await reason(await victim.client.post(SESSION), 400) == "SIGN_IN_INVALID"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://other.example"},
        {"iss": ""},
        {"state": "x" * 43},
        {"state": ""},
        {"state": "../../x"},
        {"code": ""},
        {"code": "x" * 8193},
    ],
)
async def test_a_return_with_another_issuer_state_or_code_is_refused(running, provider, browse, changed):
    browser = browse(running)
    back = await browser.authorize(await browser.start())
    answer = await browser.callback({**back, **changed})
    assert answer.status_code in {400, 422}, answer.text
    assert "/token" not in provider.asked


async def test_an_error_of_the_issuer_is_told_by_its_code_alone(running, provider, browse):
    provider.authorize_error = {"error": "access_denied", "error_description": "call the people of the issuer"}
    browser = browse(running)
    answer = await browser.sign_in()
    assert await reason(answer, 403) == "SIGN_IN_DENIED"
    assert "access_denied" in answer.json()["detail"] and "call the people" not in answer.text
    page = browse(running, HTML)
    answer = await page.sign_in("/dashboard")
    assert (answer.status_code, answer.headers["location"]) == (302, "/dashboard#sign-in-failed=SIGN_IN_DENIED")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("asked", "page"),
    [
        ("/c/conv_1-2", "/c/conv_1-2"),
        ("/dashboard", "/dashboard"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/c/../../evil", "/"),
        ("/dashboard\r\nset-cookie: a=b", "/"),
        ("/dashboard?next=//evil.example", "/"),
        ("/dashboard\n", "/"),
        ("javascript:alert(1)", "/"),
        ("/api/v1/keys", "/"),
    ],
)
async def test_a_browser_is_sent_back_to_pages_of_ours_alone(running, browse, asked, page):
    browser = browse(running)
    assert (await browser.sign_in(asked)).headers["location"] == f"{page}#signed-in"


async def test_cookies_of_a_sign_in_are_for_the_browser_and_its_requests_to_us_alone(start_gateway, sso, browse):
    running = await start_gateway(**{**sso, "public_url": "https://penstock.example.com/"})
    browser = browse(running)
    answer = await browser.client.get("/auth/oidc/start")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-penstock-sign-in-")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=600"} <= set(cookie.split("; "))
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked["redirect_uri"] == [f"https://penstock.example.com{CALLBACK}"]
    assert not any(value[0] in cookie for value in asked.values() if len(value[0]) > 20)


# --- sessions -----------------------------------------------------------------------------------------------------


async def test_a_session_is_taken_up_once_and_ends_with_the_sign_out(running, browse):
    browser = browse(running)
    await browser.sign_in()
    kept = dict(browser.client.cookies)
    tokens = (await browser.client.post(SESSION)).json()["data"]
    assert not browser.client.cookies
    browser.client.cookies.update(kept)
    assert await reason(await browser.client.post(SESSION), 400) == "SIGN_IN_INVALID"
    refresh = {"refresh_token": tokens["refresh_token"]}
    tokens = (await browser.client.post("/api/v2/auth/refresh", json=refresh)).json()["data"]
    refresh = {"refresh_token": tokens["refresh_token"]}
    await browser.client.post("/api/v2/auth/logout", json=refresh)
    answer = await browser.client.post("/api/v2/auth/refresh", json=refresh)
    assert await reason(answer, 401) == "REFRESH_TOKEN_INVALID"


async def test_a_session_of_the_issuers_ends_when_the_setting_says_however_often_it_is_refreshed(
    start_gateway, sso, browse
):
    running = await start_gateway(**sso, oidc_session_seconds=3600)
    browser = browse(running)
    tokens = await browser.session()
    until = datetime.now(UTC) + timedelta(seconds=3600)
    for _ in range(2):
        found = await running.store.token(digest(tokens["refresh_token"]))
        assert until - timedelta(seconds=120) < found.expire_time <= until
        answer = await browser.client.post("/api/v2/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
        tokens = answer.json()["data"]


async def test_two_gateways_do_one_sign_in_between_them(start_gateway, sso, browse):
    first, second = await start_gateway(**sso), await start_gateway(**sso)
    browser, other = browse(first), browse(second)
    back = await browser.authorize(await browser.start("/dashboard"))
    other.client.cookies = browser.client.cookies
    answer = await other.callback(back)
    assert answer.headers["location"] == "/dashboard#signed-in"
    browser.client.cookies = other.client.cookies
    tokens = (await browser.client.post(SESSION)).json()["data"]
    assert (await other.me(tokens)).status_code == 200


# --- who somebody is, and what groups give ------------------------------------------------------------------------


async def whoami(browser, tokens):
    return (await browser.me(tokens)).json()["data"]


async def test_a_local_user_of_the_same_name_and_password_is_never_taken_over(running, provider, browse):
    for name in ("jane", "jane@example.com"):
        body = {"username": name, "password": PASSWORD, "tenant_id": "welding", "scopes": ["chat"]}
        made = await running.client.post("/api/v1/users", json=body, headers=running.auth())
        assert made.status_code == 201, made.text
    provider.claims |= {"email": "jane@example.com", "email_verified": True}
    browser = browse(running)
    told = await whoami(browser, await browser.session())
    user = await running.store.user(told["user_id"])
    assert user.username == "jane-2"
    login = {"username": "jane", "password": PASSWORD, "tenant_id": "welding"}
    local = (await running.client.post("/api/v2/auth/login", json=login)).json()["data"]
    assert (await whoami(browser, local))["user_id"] != user.id


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "j\u0430ne"}, "user-"),
        ({"preferred_username": "ac/me:x"}, "ac-me-x"),
        ({"preferred_username": "Ann Lee"}, "Ann.Lee"),
        ({"preferred_username": None, "email": "ann@example.com"}, "ann@example.com"),
        ({"preferred_username": "a\u202eb", "name": "Ann"}, "Ann"),
        ({"preferred_username": ["x"], "email": 7}, "user-"),
        ({"preferred_username": "x" * 5000}, "x" * 100),
    ],
)
async def test_names_of_the_issuers_are_names_by_our_rules(running, provider, browse, claims, name):
    provider.claims = {"sub": "1", "groups": ["welders"], **claims}
    browser = browse(running)
    user = await running.store.user((await whoami(browser, await browser.session()))["user_id"])
    if name != "user-":
        assert user.username == name
    assert user.username.startswith(name)


async def test_people_of_one_name_are_as_many_users_and_each_stays_the_same(running, provider, browse):
    browser, found = browse(running), []
    for subject in ("1", "2", "1", "2"):
        provider.claims["sub"] = subject
        found.append((await whoami(browser, await browser.session()))["user_id"])
    assert found[0] == found[2] != found[1] == found[3]


async def test_the_first_rule_of_somebodys_groups_gives_role_and_tenant(running, provider, browse):
    browser = browse(running)
    for groups, tenant, scopes in (
        (["welders", "leads"], "welding", {"admin"}),
        (["guests"], "welding", {"telemetry:read"}),
        (["boss", "welders"], "default", {"operator", "admin"}),
    ):
        provider.claims["groups"] = groups
        told = await whoami(browser, await browser.session())
        assert told["tenant_id"] == tenant and scopes <= set(told["scopes"])
    provider.claims["groups"] = "welders"
    assert (await whoami(browser, await browser.session()))["tenant_id"] == "welding"


async def test_a_group_that_was_lost_is_lost_at_the_next_sign_in_in_sessions_that_are_open_too(
    running, provider, browse
):
    browser = browse(running)
    provider.claims["groups"] = ["leads"]
    before = await browser.session()
    assert "admin" in (await whoami(browser, before))["scopes"]
    provider.claims["groups"] = ["welders"]
    await browser.session()
    assert "admin" not in (await whoami(browser, before))["scopes"]
    answer = await browser.client.post("/api/v2/auth/refresh", json={"refresh_token": before["refresh_token"]})
    assert "admin" not in (await whoami(browser, answer.json()["data"]))["scopes"]


async def test_somebody_in_no_group_is_refused_and_loses_sessions_and_what_keys_reach(running, provider, browse):
    browser = browse(running)
    tokens = await browser.session()
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    key = (await running.client.post("/api/v1/keys", json={"name": "k"}, headers=bearer)).json()["key"]
    provider.claims["groups"] = ["cooks"]
    answer = await browser.sign_in()
    assert await reason(answer, 403) == "GROUP_REQUIRED"
    assert (await browser.me(tokens)).status_code == 401
    answer = await browser.client.post("/api/v2/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert answer.status_code == 401
    assert (await whoami(browser, {"access_token": key}))["scopes"] == []
    assert await reason(await browser.client.post(SESSION), 400) == "SIGN_IN_INVALID"


async def test_somebody_who_moves_to_another_tenant_takes_nothing_along(running, provider, browse):
    browser = browse(running)
    tokens = await browser.session()
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    key = (await running.client.post("/api/v1/keys", json={"name": "k"}, headers=bearer)).json()["key"]
    provider.claims["groups"] = ["painters"]
    told = await whoami(browser, await browser.session())
    assert told["tenant_id"] == "painting"
    assert await running.store.keys("welding") == []
    assert (await browser.me(tokens)).status_code == 401
    assert (await browser.me({"access_token": key})).status_code == 401


async def test_a_user_who_is_switched_off_here_stays_so(running, provider, browse):
    browser = browse(running)
    told = await whoami(browser, await browser.session())
    async with running.store._database.write() as connection:
        await connection.execute(update(users).where(users.c.id == told["user_id"]).values(active=False))
    assert await reason(await browser.sign_in(), 403) == "SIGN_IN_DENIED"


async def test_groups_that_the_issuer_left_out_for_their_number_are_told(running, provider, browse):
    provider.claims = {"sub": "1", "_claim_names": {"groups": "src1"}, "_claim_sources": {}}
    assert await reason(await browse(running).sign_in(), 403) == "GROUPS_LIMIT_EXCEEDED"


async def test_groups_are_found_in_userinfo_and_in_claims_inside_others(start_gateway, sso, provider, browse):
    provider.claims = {"sub": "1"}
    provider.userinfo = {"sub": "1", "realm_access": {"roles": ["welders"]}, "preferred_username": "kim"}
    running = await start_gateway(**sso, oidc_groups_claim="realm_access.roles")
    browser = browse(running)
    told = await whoami(browser, await browser.session())
    assert told["tenant_id"] == "welding"
    provider.userinfo["sub"] = "2"
    assert await reason(await browser.sign_in(), 502) == "ISSUER_RESPONSE_INVALID"


# --- beside single sign-on ----------------------------------------------------------------------------------------


async def test_what_sign_ins_did_is_in_the_audit_log_and_counted(running, provider, browse):
    browser = browse(running)
    told = await whoami(browser, await browser.session())
    provider.claims["groups"] = ["leads"]
    await browser.session()
    provider.claims["groups"] = []
    await browser.sign_in()
    answer = await running.client.get(
        "/api/v1/audit", headers=running.auth(), params={"tenant_id": "*", "user_id": told["user_id"]}
    )
    entries = [(entry["action"], entry["outcome"]) for entry in answer.json()["entries"]]
    assert entries == [("sign_in.fail", "refused"), ("user.update", "done"), ("user.create", "done")]
    metrics = (await running.client.get("/metrics", headers=running.auth())).text
    assert 'penstock_sign_ins_total{outcome="ok"} 2.0' in metrics
    assert 'penstock_sign_ins_total{outcome="refused"} 1.0' in metrics


async def test_the_pages_are_told_how_one_may_sign_in(running, gateway):
    told = (await running.client.get("/api/v2/auth/methods")).json()["data"]
    start_url = "http://127.0.0.1:8000/auth/oidc/start"
    assert told == {"password": True, "single_sign_on": {"label": "single sign-on", "start_url": start_url}}
    told = (await gateway.client.get("/api/v2/auth/methods")).json()["data"]
    assert told == {"password": True, "single_sign_on": None}
    for path in ("/auth/oidc/start", CALLBACK):
        assert await reason(await gateway.client.get(path), 412) == "SINGLE_SIGN_ON_UNSUPPORTED"


async def test_passwords_do_not_count_where_they_are_off_and_keys_do(start_gateway, sso):
    running = await start_gateway(**sso, password_sign_in=False)
    login = {"username": "admin", "password": running.password}
    answer = await running.client.post("/api/v2/auth/login", json=login)
    assert await reason(answer, 412) == "PASSWORD_LOGIN_UNSUPPORTED"
    assert (await running.client.get("/api/v2/auth/me", headers=running.auth())).status_code == 200


async def test_users_of_the_issuers_have_no_password_to_log_in_with(running, browse):
    browser = browse(running)
    tokens = await browser.session()
    for password in ("", " ", "x"):
        body = {"username": "jane", "password": password, "tenant_id": "welding"}
        assert (await browser.client.post("/api/v2/auth/login", json=body)).status_code in {401, 422}
    body = {"current_password": "x", "new_password": PASSWORD}
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    answer = await browser.client.post("/api/v2/auth/password", json=body, headers=headers)
    assert await reason(answer, 403) == "CURRENT_PASSWORD_INVALID"

"""Who signs in, in which tenant, and what a caller is told where that is not clear."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from penstock_client import AsyncPenstock, BadRequestError, Penstock, TenantRequiredError

PROBLEM = {"detail": "more than 8 tenants have a user of this name; log in as TENANT/NAME", "reason": "TENANT_REQUIRED"}


class Login:
    """A gateway that signs "ada" in where the tenant is named, and remembers what was sent."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        login = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                login.bodies.append(body)
                named = "tenant_id" in body or "/" in body["username"]
                self._answer(200, {"access_token": "t", "expires_in": 900}) if named else self._answer(400, PROBLEM)

            def do_GET(self) -> None:
                self._answer(200, {"authorization": self.headers["authorization"]})

            def _answer(self, status: int, body: dict[str, Any]) -> None:
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def login() -> Iterator[Login]:
    gateway = Login()
    yield gateway
    gateway.stop()


def test_a_client_signs_in_in_the_tenant_that_it_is_given(login: Login) -> None:
    with Penstock(login.url, username="ada", password="p", tenant="plant-2") as penstock:
        assert penstock.request("GET", "/x") == {"authorization": "Bearer t"}
    assert login.bodies == [{"username": "ada", "password": "p", "tenant_id": "plant-2"}]


async def test_an_async_client_signs_in_in_the_tenant_that_it_is_given(login: Login) -> None:
    async with AsyncPenstock(login.url, username="ada", password="p", tenant="plant-2") as penstock:
        assert await penstock.request("GET", "/x") == {"authorization": "Bearer t"}
    assert login.bodies == [{"username": "ada", "password": "p", "tenant_id": "plant-2"}]


def test_a_name_with_its_tenant_in_front_is_sent_as_it_is(login: Login) -> None:
    with Penstock(login.url, username="plant-2/ada", password="p") as penstock:
        assert penstock.request("GET", "/x") == {"authorization": "Bearer t"}
    assert login.bodies == [{"username": "plant-2/ada", "password": "p"}]


def test_a_name_of_many_tenants_is_told_what_to_give(login: Login) -> None:
    with (
        Penstock(login.url, username="ada", password="p") as penstock,
        pytest.raises(TenantRequiredError, match="tenant='…', or username='TENANT/NAME'") as caught,
    ):
        penstock.request("GET", "/x")
    assert isinstance(caught.value, BadRequestError)
    assert (caught.value.status, caught.value.reason) == (400, "TENANT_REQUIRED")
    assert len(login.bodies) == 1


async def test_an_async_client_is_told_the_same(login: Login) -> None:
    async with AsyncPenstock(login.url, username="ada", password="p") as penstock:
        with pytest.raises(TenantRequiredError, match="tenant='…', or username='TENANT/NAME'"):
            await penstock.request("GET", "/x")

"""What a URL of PostgreSQL may say, and what its server hears of it."""

import asyncio
import struct
from pathlib import Path

import pytest

from penstock_kit.database import open_database
from penstock_kit.database.url import driver_url, postgresql_url
from penstock_kit.errors import InvalidArgument, Unavailable

SSL_REQUEST = 80877103
BASE = "postgresql://me:hunter2@db.example.com:5432/penstock"


async def first_message(query: str) -> int:
    """Return the code of what a server without TLS hears first from a client of this URL."""
    heard: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, code = struct.unpack("!II", await reader.readexactly(8))
        if not heard.done():
            heard.set_result(code)
        writer.write(b"N")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    database = open_database(f"postgresql://u:p@127.0.0.1:{port}/x{query}", reconnect_seconds=0)
    with pytest.raises(Unavailable):
        await database.ping()
    await database.close()
    server.close()
    return heard.result()


@pytest.mark.parametrize("query", ["?sslmode=require", "?ssl=require", "?sslmode=prefer", ""])
async def test_a_url_that_asks_for_tls_asks_the_server_for_it(query: str) -> None:
    assert await first_message(query) == SSL_REQUEST


async def test_a_url_that_wants_no_tls_does_not_ask_for_it(postgres_url: str) -> None:
    assert await first_message("?sslmode=disable") != SSL_REQUEST
    database = open_database(f"{postgres_url}?sslmode=disable")
    await database.ping()
    await database.close()


async def test_a_server_without_tls_is_not_talked_to_where_tls_is_required(postgres_url: str) -> None:
    database = open_database(f"{postgres_url}?sslmode=require", reconnect_seconds=0)
    with pytest.raises(Unavailable):
        await database.ping()
    await database.close()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"{BASE}?options=-c%20x", "the option 'options' is not understood; delete it"),
        (f"{BASE}?sslmode=require&channel_binding=require", "the option 'channel_binding' is not understood"),
        (f"{BASE}?sslmode=always", "sslmode 'always' is none of disable, allow, prefer, require"),
        (f"{BASE}?sslmode=require&sslmode=disable", "the option 'sslmode' is given twice"),
        (f"{BASE}?sslmode=verify-full&sslrootcert=/no/such.crt", "sslrootcert names '/no/such.crt', which is no file"),
        ("postgresql://me:hunter2@db:99999/penstock", "the port 99999 is not between 1 and 65535"),
        ("postgresql://me:hunter2@db:0/penstock", "the port 0 is not between 1 and 65535"),
        ("postgresql://me:hunter2@db:abc/penstock", "is not .*postgresql://user:password@host:5432/name"),
        ("postgresql://me:hunter2@[::1/penstock", "is not .*postgresql://user:password@host:5432/name"),
    ],
)
def test_what_a_url_may_not_say_is_named_without_its_password(url: str, why: str) -> None:
    for read in (open_database, postgresql_url):
        with pytest.raises(InvalidArgument, match=why) as caught:
            read(url)
        assert caught.value.reason == "DATABASE_URL_INVALID"
        assert "hunter2" not in caught.value.message


def test_a_url_says_the_same_to_both_drivers(tmp_path: Path) -> None:
    authority = tmp_path / "root.crt"
    authority.touch()
    url = f"postgres://me:h%2F2@[::1]:5433/x?ssl=verify-full&sslrootcert={authority}"
    assert driver_url(url).query == {"sslmode": "verify-full", "sslrootcert": str(authority)}
    plain = postgresql_url(url)
    assert plain.startswith("postgresql://me:h%2F2@[::1]:5433/x?")
    assert driver_url(plain) == driver_url(url)
    assert driver_url("postgresql:///x?host=/run/postgresql").query == {"host": "/run/postgresql"}


def test_a_certificate_that_is_to_be_verified_needs_its_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InvalidArgument, match=r"add sslrootcert=/path/to/root\.crt"):
        driver_url(f"{BASE}?sslmode=verify-full")
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").touch()
    driver_url(f"{BASE}?sslmode=verify-full")


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])
def test_every_mode_of_encryption_is_taken_where_what_it_needs_is_there(mode: str, tmp_path: Path) -> None:
    authority = tmp_path / "root.crt"
    authority.write_text("")
    url = f"postgresql://u@h/db?sslmode={mode}&sslrootcert={authority}"
    assert driver_url(url).query["sslmode"] == mode


@pytest.mark.parametrize("name", ["sslrootcert", "sslcert", "sslkey", "sslcrl"])
def test_every_file_that_a_url_names_must_be_one(name: str, tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    with pytest.raises(InvalidArgument, match=f"{name} names .*which is no file"):
        driver_url(f"postgresql://u@h/db?{name}={missing}")
    missing.write_text("")
    assert driver_url(f"postgresql://u@h/db?{name}={missing}").query[name] == str(missing)


@pytest.mark.parametrize("option", ["target_session_attrs=read-write", "host=h1&host=h2", "port=5433"])
def test_what_libpq_understands_beside_encryption_is_taken(option: str) -> None:
    name = option.partition("=")[0]
    assert name in driver_url(f"postgresql://u@/db?{option}").query

"""Where a Redis is and how to get in, from its URL."""

import ssl
from dataclasses import dataclass
from typing import Any, Final

from penstock_kit.address import host_and_port

_PORT: Final = 6379
_VERIFY: Final = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """What a ``redis://``, ``rediss://`` or ``unix://`` URL says; `path` is of a socket, `tls` of TCP.

    `protocol` is 2, or 3 with ``?protocol=3``: a server must then know RESP3 (Redis 6 and Valkey do).
    """

    host: str = "127.0.0.1"
    port: int = _PORT
    path: str = ""
    database: int = 0
    username: str = ""
    password: str = ""
    client_name: str = ""
    protocol: int = 2
    tls: ssl.SSLContext | None = None

    @property
    def place(self) -> str:
        """Where it is, for people: without what one gets in with."""
        return self.path or host_and_port(self.host, self.port)

    def greeting(self) -> list[tuple[Any, ...]]:
        """Return the commands with which a connection begins."""
        commands: list[tuple[Any, ...]] = []
        if self.protocol == 3:
            commands.append(
                ("HELLO", 3, *(["AUTH", self.username or "default", self.password] if self.password else []))
            )
        elif self.password:
            commands.append(("AUTH", *([self.username] if self.username else []), self.password))
        if self.client_name:
            commands.append(("CLIENT", "SETNAME", self.client_name))
        if self.database:
            commands.append(("SELECT", self.database))
        return commands


def address_of(url: str) -> RedisAddress:
    """Return the address in `url`. Raises ValueError for what is no URL of a Redis."""
    from redis.asyncio import connection as redis_connection

    library: Any = redis_connection
    said: dict[str, Any] = library.parse_url(url)
    return RedisAddress(
        host=said.get("host") or "127.0.0.1",
        port=said.get("port") or _PORT,
        path=said.get("path") or "",
        database=said.get("db") or 0,
        username=said.get("username") or "",
        password=said.get("password") or "",
        client_name=said.get("client_name") or "",
        protocol=said.get("protocol") or 2,
        tls=_tls(said) if url.startswith("rediss:") else None,
    )


def _tls(said: dict[str, Any]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=said.get("ssl_ca_certs"))
    verify = _VERIFY[str(said.get("ssl_cert_reqs", "required"))]
    context.check_hostname = verify is ssl.CERT_REQUIRED and said.get("ssl_check_hostname", True)
    context.verify_mode = verify
    if said.get("ssl_certfile"):
        context.load_cert_chain(said["ssl_certfile"], said.get("ssl_keyfile"))
    return context

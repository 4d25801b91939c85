"""Where a broker is: ``mqtt://user:password@host:1883`` or ``mqtts://host:8883``."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from penstock_kit.address import host_and_port
from penstock_kit.errors import InvalidArgument

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Host and port of a broker, whether TLS is spoken, and who we say we are; `username` empty: nobody."""

    host: str
    port: int
    tls: bool
    username: str = ""
    password: str = ""

    @classmethod
    def parse(cls, url: str) -> "BrokerAddress":
        """Return the address that `url` names. Raises InvalidArgument BROKER_URL_INVALID, which shows no password."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _invalid("it can't be read") from None
        if parts.scheme not in _PORTS:
            raise _invalid(f"it begins with {parts.scheme + '://' if parts.scheme else 'no scheme'!r}")
        if not parts.hostname or parts.path not in {"", "/"} or parts.query:
            raise _invalid("it must have a host, and neither path nor parameters")
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            tls=parts.scheme == "mqtts",
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )

    @property
    def host_and_port(self) -> str:
        """The address as logs show it."""
        return host_and_port(self.host, self.port)

    def __str__(self) -> str:
        return f"mqtt{'s' if self.tls else ''}://{self.host_and_port}"


def _invalid(why: str) -> InvalidArgument:
    return InvalidArgument(
        f"the broker's URL is wrong: {why}; write mqtt://host:1883 or mqtts://host:8883", reason="BROKER_URL_INVALID"
    )

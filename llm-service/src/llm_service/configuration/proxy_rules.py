"""The proxy that a call to a vendor takes, by HTTP_PROXY, HTTPS_PROXY and NO_PROXY."""

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from llm_service.domain.model.server import port_of
from llm_service.settings import LlmSettings
from penstock_kit.errors import FailedPrecondition


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyRules:
    """The proxies of HTTP_PROXY and HTTPS_PROXY, and the hosts of NO_PROXY that are called directly.

    An entry of NO_PROXY is a host (its subdomains too), a host with a port, an address, a network in CIDR form, or
    ``*`` for every host.
    """

    http: str = field(default="", repr=False)
    https: str = field(default="", repr=False)
    direct: tuple[str, ...] = ()

    def proxy_for(self, url: str) -> str:
        """Return the proxy that calls to `url` take, empty for none."""
        parts = urlsplit(url)
        proxy = {"http": self.http, "https": self.https}.get(parts.scheme, "")
        if not proxy or not parts.hostname or any(_matches(entry, parts) for entry in self.direct):
            return ""
        return proxy if "://" in proxy else f"http://{proxy}"


class ProxyUrlError(ValueError):
    """A proxy's URL that can't be used."""


def check_proxy_url(proxy: str) -> None:
    """Raise ProxyUrlError for a proxy that calls can't take."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ProxyUrlError(str(error)) from None
    if not known:
        raise ProxyUrlError("a proxy is named by http://host:port or https://host:port")


def proxy_rules(settings: LlmSettings) -> ProxyRules:
    """Return what the settings say about proxies. Raises FailedPrecondition (CONFIGURATION_INVALID)."""
    for name, proxy in (("HTTPS_PROXY", settings.https_proxy), ("HTTP_PROXY", settings.http_proxy)):
        try:
            check_proxy_url(proxy.get_secret_value() or "http://none")
        except ProxyUrlError as error:
            raise FailedPrecondition(f"{name} can't be used: {error}", reason="CONFIGURATION_INVALID") from None
    return ProxyRules(
        http=settings.http_proxy.get_secret_value(),
        https=settings.https_proxy.get_secret_value(),
        direct=tuple(entry.strip().lower() for entry in settings.no_proxy.split(",") if entry.strip()),
    )


def _matches(entry: str, parts: SplitResult) -> bool:
    host = (parts.hostname or "").rstrip(".")
    if entry == "*":
        return True
    if "/" in entry:
        return _is_within(host, entry)
    name, colon, port = entry.rpartition(":")
    if colon and port.isascii() and port.isdigit() and name.count(":") == 0:
        if int(port) != port_of(parts):
            return False
        entry = name
    entry = entry.strip("[]").lstrip("*").lstrip(".")
    return bool(entry) and (host == entry or host.endswith(f".{entry}"))


def _is_within(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False

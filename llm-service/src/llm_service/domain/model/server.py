"""Where the vendor of a provider listens."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from llm_service.domain.model.profile import ProviderProfile

# Of dialects whose vendor needs no base URL.
_HOMES: Final = {
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com",
    "openai": "https://api.openai.com/v1",
}
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where a vendor listens."""

    host: str
    port: int


def url_of(profile: ProviderProfile) -> str:
    """Return the base URL of calls to the provider, empty for one that calls nobody."""
    return profile.base_url or _HOMES.get(profile.dialect, "")


def server_of(profile: ProviderProfile) -> Server | None:
    """Return where the provider's vendor listens, None for one that calls nobody."""
    parts = urlsplit(url_of(profile))
    return Server(host=parts.hostname, port=port_of(parts)) if parts.hostname else None


def port_of(parts: SplitResult) -> int:
    """Return the port that a URL names or its scheme means."""
    return parts.port or _PORTS.get(parts.scheme, 443)

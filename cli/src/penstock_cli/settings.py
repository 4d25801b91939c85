"""The settings of the command, read from the environment and from ``.env``.

The only module of the command that reads the environment. It does so without pydantic, because the
supervisor stays in memory as long as the services do.
"""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from penstock_cli.failure import CommandFailed
from penstock_kit.address import host_and_port
from penstock_kit.plain_file import read_plain_file

DEFAULT_PORTS: Final[Mapping[str, int]] = {
    "PENSTOCK_HTTP_PORT": 8000,
    "LLM_SERVICE_PORT": 50051,
    "CHAT_STREAM_SERVICE_PORT": 50052,
    "FEATURE_SERVICE_PORT": 50053,
    "CACHE_SERVICE_PORT": 50054,
    "LLM_SERVICE_METRICS_PORT": 9151,
    "CHAT_STREAM_SERVICE_METRICS_PORT": 9152,
    "FEATURE_SERVICE_METRICS_PORT": 9153,
    "CACHE_SERVICE_METRICS_PORT": 9154,
}
# Where records are: what all services share, and what each may have of its own.
DATABASE_SETTINGS: Final = (
    "DATABASE_URL",
    "GATEWAY_DATABASE_URL",
    "LLM_SERVICE_DATABASE_URL",
    "CHAT_STREAM_SERVICE_DATABASE_URL",
    "FEATURE_SERVICE_DATABASE_URL",
)
_MAX_PORT: Final = 65535
_MAX_WORKERS: Final = 64
_KEY_MARK: Final = "psk_"
# Bytes of a `.env`; a long one takes seconds to read, and nobody writes so much by hand.
_LARGEST_DOTENV: Final = 256 * 1024
_LARGEST_KEY: Final = 4096
# What pydantic, by which the services read theirs, takes for off.
_OFF: Final = frozenset({"0", "off", "f", "false", "n", "no"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CliSettings:
    """The environment as the command sees it: `values` holds every variable, those of ``.env`` below the real ones."""

    values: Mapping[str, str]

    def text(self, name: str, default: str = "") -> str:
        """Return the value of `name`, `default` when it is unset or empty."""
        return self.values.get(name) or default

    @property
    def home(self) -> Path:
        """The folder that holds all state (PENSTOCK_HOME)."""
        return Path(self.text("PENSTOCK_HOME", "var"))

    @property
    def host(self) -> str:
        """The address the gateway listens on (PENSTOCK_BIND_HOST)."""
        return self.text("PENSTOCK_BIND_HOST", "127.0.0.1")

    @property
    def service_host(self) -> str:
        """The address the services behind the gateway listen on (PENSTOCK_SERVICE_BIND_HOST)."""
        return self.text("PENSTOCK_SERVICE_BIND_HOST", "127.0.0.1")

    @property
    def workers(self) -> int:
        """How many gateways run behind the one port (PENSTOCK_WORKERS); what other programs call theirs is not ours."""
        value = self.text("PENSTOCK_WORKERS", "1")
        if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= _MAX_WORKERS:
            message = f"PENSTOCK_WORKERS is {value!r}; it must be a number from 1 to {_MAX_WORKERS}"
            raise CommandFailed(message, exit_code=2)
        return int(value)

    @property
    def log_max_mb(self) -> float:
        """How large the log of a suite in the background gets, in MB (PENSTOCK_LOG_MAX_MB)."""
        return max(0.01, self._number("PENSTOCK_LOG_MAX_MB", 50.0))

    @property
    def log_files(self) -> int:
        """How many earlier logs are kept (PENSTOCK_LOG_FILES)."""
        return max(1, int(self._number("PENSTOCK_LOG_FILES", 5)))

    @property
    def grace_seconds(self) -> float:
        """How long running calls get at shutdown (PENSTOCK_GRACE_SECONDS)."""
        return self._number("PENSTOCK_GRACE_SECONDS", 20.0)

    @property
    def url(self) -> str:
        """The base URL of the gateway that commands talk to: the first of `urls`."""
        return self.urls[0]

    @property
    def urls(self) -> tuple[str, ...]:
        """The gateways' base URLs, in the order of preference, without a slash at their ends.

        PENSTOCK_URL, else where PENSTOCK_HTTP_PORT says, else where the system of this home runs.
        """
        named = self.text("PENSTOCK_URL").strip(", ")
        if named:
            return gateway_addresses(named, "PENSTOCK_URL")
        if not self.text("PENSTOCK_HTTP_PORT"):
            from penstock_cli.supervisor.state import Home

            named = Home(self.home).running_url()
        return ((named or self.local_url).rstrip("/"),)

    @property
    def local_url(self) -> str:
        """Where the gateway of this machine is: on PENSTOCK_BIND_HOST and PENSTOCK_HTTP_PORT."""
        return f"http://{host_and_port(reachable(self.host), self.port('PENSTOCK_HTTP_PORT'))}"

    def with_values(self, values: Mapping[str, str]) -> "CliSettings":
        """Return these settings with others for `values`."""
        return CliSettings(values={**self.values, **values})

    @property
    def api_key(self) -> str:
        """PENSTOCK_API_KEY, else the key the first start left in PENSTOCK_HOME; empty without either."""
        named = self.text("PENSTOCK_API_KEY")
        if named:
            return named
        text = self.key_file_text
        return text if text.startswith(_KEY_MARK) else ""

    @property
    def key_file_text(self) -> str:
        """Return the text of the file ``admin.key``: a key, or the place of the key; empty without the file."""
        try:
            return read_plain_file(self.key_file, most=_LARGEST_KEY).decode().strip()
        except (OSError, ValueError):
            return ""

    @property
    def key_file(self) -> Path:
        """Return the file that holds the administrator's API key."""
        return self.home / "admin.key"

    def port(self, name: str) -> int:
        """Return the port that the setting `name` gives; raises CommandFailed for what is no port."""
        value = self.text(name, str(DEFAULT_PORTS[name]))
        if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= _MAX_PORT:
            raise CommandFailed(f"{name} is {value!r}; it must be a port from 1 to {_MAX_PORT}", exit_code=2)
        return int(value)

    def is_on(self, name: str, *, default: bool) -> bool:
        """Whether a setting that is on or off is on; what is neither is refused by the service that reads it."""
        value = self.text(name).lower()
        return value not in _OFF if value else default

    def _number(self, name: str, default: float) -> float:
        value = self.text(name)
        try:
            return float(value) if value else default
        except ValueError:
            raise CommandFailed(f"{name} is {value!r}; it must be a number", exit_code=2) from None


def gateway_addresses(text: str, where: str) -> tuple[str, ...]:
    """Return the addresses that `text` lists; raises CommandFailed, which says `where` they stand, for what is none."""
    from penstock_client.address import web_address, web_addresses

    try:
        return tuple(web_addresses(text) or [web_address(text)])
    except ValueError as error:
        raise CommandFailed(f"{where}: {error}", exit_code=2) from None


def reachable(host: str) -> str:
    """Return the address under which a process on this machine reaches what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound


def load_settings(directory: Path | None = None) -> CliSettings:
    """Return the settings of this process: its environment over the ``.env`` of `directory` (the current one)."""
    file = (directory or Path()) / ".env"
    return CliSettings(values={**_dotenv(file), **{name: value for name, value in os.environ.items() if value}})


def change_environment(values: Mapping[str, str]) -> None:
    """Set variables of this process, which is about to become a service."""
    os.environ.update(values)


def unread_lines(file: Path) -> list[int]:
    """Return the lines of a ``.env`` that are no ``NAME=value`` and so are left out."""
    from dotenv.parser import parse_stream

    with file.open(encoding="utf-8-sig") as text:
        return [each.original.line for each in parse_stream(text) if each.error]


def _dotenv(file: Path) -> dict[str, str]:
    if not _is_plain(file):
        return {}
    from dotenv import dotenv_values

    # Each service reads the file too, and would say the same again, without its name.
    logging.getLogger("dotenv.main").setLevel(logging.ERROR)
    try:
        unread = unread_lines(file)
        if unread:
            print(f"penstock: {_left_out(file, unread)}", file=sys.stderr)
        return {name: value for name, value in dotenv_values(file).items() if value}
    except UnicodeDecodeError as error:
        raise CommandFailed(f"{file} is no text in UTF-8 ({error.reason}); save it as UTF-8", exit_code=2) from None


def _is_plain(file: Path) -> bool:
    """Whether there is a file to read. Raises CommandFailed for one that no reading would end of."""
    if file.is_fifo():
        text = "is a pipe, which each of six processes would have to be served from; write a file instead"
        raise CommandFailed(f"{file} {text}", exit_code=2)
    if not file.is_file():
        return False
    size = file.stat().st_size
    if size > _LARGEST_DOTENV:
        raise CommandFailed(f"{file} has {size:,} bytes; at most {_LARGEST_DOTENV:,} are read", exit_code=2)
    return True


def _left_out(file: Path, lines: Sequence[int]) -> str:
    numbers = ", ".join(map(str, lines))
    return f"{file}, line {numbers}: no NAME=value (or a quote that does not end), left out"

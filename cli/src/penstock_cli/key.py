"""``penstock key``: API keys through the gateway."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from penstock_cli.command_name import command_name
from penstock_cli.failure import CommandFailed
from penstock_cli.gateway import Gateway, is_empty, is_list_of, is_object
from penstock_cli.settings import CliSettings
from penstock_kit.errors import PenstockError
from penstock_kit.text.control import without_controls


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a key may use of the models and spend. Zero and empty mean no limit."""

    models: Sequence[str] = ()
    rpm: int = 0
    tpm: int = 0
    budget: str = ""
    budget_period: str = "month"

    def to_json(self) -> dict[str, Any]:
        """Return the fields of a key that say it; none for no limit."""
        body: dict[str, Any] = {}
        if self.models or self.rpm or self.tpm:
            models = [name.strip() for entry in self.models for name in entry.split(",")]
            policy = {"allowed_models": models, "requests_per_minute": self.rpm, "tokens_per_minute": self.tpm}
            body["policy"] = policy
        if self.budget:
            body["budget"] = {"limit": self.budget, "period": self.budget_period}
        return body


_NO_LIMITS: Final = Limits()
_IS_KEY: Final = is_object("id", "name", "prefix")
_IS_NEW_KEY: Final = is_object("id", "name", "prefix", "key")
_ARE_KEYS: Final = is_list_of("keys", "id", "name", "prefix", "user_id", "scopes")


def create(
    settings: CliSettings,
    name: str,
    *,
    scopes: Sequence[str],
    days: int | None,
    user_id: str = "",
    limits: Limits = _NO_LIMITS,
    as_json: bool,
) -> int:
    """Make a key and print it; it is shown this once."""
    body: dict[str, Any] = {"name": name, "scopes": list(scopes), **limits.to_json()}
    if days is not None:
        body["expire_time"] = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    if user_id:
        body["user_id"] = user_id
    made = _call(settings, "POST", "/api/v1/keys", body, is_ours=_IS_NEW_KEY)
    if as_json:
        sys.stdout.write(json.dumps(made) + "\n")
        return 0
    sys.stdout.write(f"{made['key']}\n")
    sys.stderr.write(f"key {made['id']} ({without_controls(made['name'])}); its text is shown only now\n")
    return 0


def show(settings: CliSettings, *, as_json: bool) -> int:
    """List the keys, without their texts."""
    keys: list[dict[str, Any]] = _call(settings, "GET", "/api/v1/keys", is_ours=_ARE_KEYS)["keys"]
    if as_json:
        sys.stdout.write(json.dumps(keys) + "\n")
        return 0
    rows = [("id", "name", "begins", "user", "scopes", "expires"), *(_row(key) for key in keys)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")
    return 0


def rotate(settings: CliSettings, key_id: str, *, grace_hours: float, as_json: bool) -> int:
    """Give a key a new text, in the home's file too where that holds it; the old one counts for `grace_hours` more."""
    grace = {"grace_seconds": int(grace_hours * 3600)}
    made = _call(settings, "POST", f"/api/v1/keys/{key_id}/rotate", grace, is_ours=_IS_NEW_KEY)
    sys.stdout.write((json.dumps(made) if as_json else str(made["key"])) + "\n")
    if _is_in_file(settings, made):
        _write_key_file(settings, made["key"])
        sys.stderr.write(f"{settings.key_file} has it too\n")
    return 0


def revoke(settings: CliSettings, key_id: str) -> int:
    """Delete a key: it is refused from now on."""
    path = f"/api/v1/keys/{key_id}"
    in_file = bool(settings.key_file_text) and _is_in_file(settings, _call(settings, "GET", path, is_ours=_IS_KEY))
    _call(settings, "DELETE", path, is_ours=is_empty)
    sys.stderr.write(f"key {key_id} is revoked\n")
    if in_file:
        sys.stderr.write(
            f"{settings.key_file} holds it, and opens nothing any more: `{command_name()} admin reset` makes another\n"
        )
    return 0


def _write_key_file(settings: CliSettings, key: str) -> None:
    from gateway.auth.admin_files import write_private

    try:
        write_private(settings.key_file, key)
    except PenstockError as error:
        raise CommandFailed(f"{error.message}; write the new key into it by hand") from None


def _is_in_file(settings: CliSettings, key: Mapping[str, Any]) -> bool:
    """Return whether the home's file holds that key, as it is or was: its beginning stays when it is rotated."""
    return settings.key_file_text.startswith(f"{key['prefix']}_")


def _call(
    settings: CliSettings,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    is_ours: Callable[[Any], bool],
) -> Any:
    gateway = Gateway(settings)
    try:
        return gateway.call(method, path, body, is_ours=is_ours)
    finally:
        gateway.close()


def _row(key: dict[str, Any]) -> tuple[str, ...]:
    scopes = ", ".join(key.get("scopes") or ())
    expires = str(key.get("expire_time") or "never")
    return (
        str(key["id"]),
        without_controls(str(key["name"])),
        str(key["prefix"]),
        str(key["user_id"]),
        scopes or "all",
        expires,
    )

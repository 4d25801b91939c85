"""Which stores the suite that runs on a home was told of: a backup by a shell told of others would lack them."""

from collections.abc import Mapping
from typing import Final

from penstock_cli.failure import CommandFailed
from penstock_cli.settings import DATABASE_SETTINGS, CliSettings
from penstock_cli.supervisor.state import Home
from penstock_kit.redaction import mask_urls

_SETTINGS: Final = (*DATABASE_SETTINGS, "TELEMETRY_URL")


def named_stores(settings: CliSettings) -> dict[str, str]:
    """Return the stores that the settings name, by setting, without their passwords."""
    return {name: mask_urls(value) for name in _SETTINGS if (value := settings.text(name))}


def require_stores_of_running(settings: CliSettings) -> None:
    """Raise CommandFailed when the suite that runs on the home keeps its data elsewhere than the settings here say."""
    state = Home(settings.home).read_state()
    if state is None or not state.supervisor.alive or state.stores is None:
        return
    here = named_stores(settings)
    names = [name for name in _SETTINGS if state.stores.get(name) != here.get(name)]
    if names:
        told = "; ".join(
            f"{name} is {_shown(state.stores, name)} there and {_shown(here, name)} here" for name in names
        )
        message = f"Penstock runs on {settings.home} with other stores than this command was told of: {told}"
        raise CommandFailed(f"{message}. Give both the same, or keep the setting in .env; nothing was copied")


def _shown(stores: Mapping[str, str], name: str) -> str:
    return stores.get(name, "not set")

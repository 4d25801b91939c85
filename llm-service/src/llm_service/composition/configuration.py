"""The configuration in force: read at the start, again when its file changes and on SIGHUP; its secrets are masked."""

import asyncio
import signal
from contextlib import suppress
from urllib.parse import urlsplit

from llm_service.configuration.configuration import Configuration, load_configuration
from llm_service.configuration.live import LiveConfiguration
from llm_service.settings import LlmSettings, environment_variable
from penstock_kit.redaction import Redactor


def open_configuration(settings: LlmSettings, redactor: Redactor) -> LiveConfiguration:
    """Return the configuration that the settings and their file describe; `redactor` learns its keys.

    Raises FailedPrecondition (CONFIGURATION_INVALID) when it is wrong.
    """
    live = LiveConfiguration(lambda: load_configuration(settings, environment_variable), path=settings.config_file)
    live.subscribe(lambda configuration: _register_secrets(redactor, configuration))
    return live


async def follow_configuration(live: LiveConfiguration, seconds: float) -> None:
    """Read the configuration again when its file changes, and on SIGHUP where a thread may have signals; for ever."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGHUP, told.set)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(live.watch(seconds))
        while True:
            await told.wait()
            told.clear()
            await live.reload()


def _register_secrets(redactor: Redactor, configuration: Configuration) -> None:
    for profile in configuration.profiles:
        redactor.register(*profile.keys)
        if password := urlsplit(profile.proxy).password:
            redactor.register(password)

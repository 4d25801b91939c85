"""The entry point: what stays in memory or must be quick is started without loading the rest of the command."""

import os
import signal
import sys
from typing import Final, NoReturn

from penstock_cli.failure import CommandFailed
from penstock_kit.home import PRIVATE_UMASK

# A shutdown ends these as Ctrl-C does: what they have half made is taken away.
_CHANGING: Final = frozenset({"backup", "restore", "migrate", "maintain", "demo", "admin"})


def run() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] and sys.argv[1] in _CHANGING:
        signal.signal(signal.SIGTERM, _end)
    os.umask(PRIVATE_UMASK)  # what it writes is the caller's alone, and so is what the services that it starts write
    try:
        raise SystemExit(_run(sys.argv[1:]))
    except CommandFailed as failure:
        sys.stderr.write(f"penstock: {failure.message}\n")
        raise SystemExit(failure.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _end(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


def _run(arguments: list[str]) -> int:
    if arguments == ["up"]:
        from penstock_cli.settings import load_settings
        from penstock_cli.supervisor.up import up

        return up(load_settings())
    from penstock_cli.app import run_app

    return run_app(arguments)

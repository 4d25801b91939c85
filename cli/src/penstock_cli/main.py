"""The entry point: what stays in memory or must be quick is started without loading the rest of the command."""

import os
import sys

from penstock_cli.failure import CommandFailed
from penstock_kit.home import PRIVATE_UMASK


def run() -> None:
    """Run the command line and exit with its code."""
    os.umask(PRIVATE_UMASK)  # what it writes is the caller's alone, and so is what the services that it starts write
    try:
        raise SystemExit(_run(sys.argv[1:]))
    except CommandFailed as failure:
        sys.stderr.write(f"penstock: {failure.message}\n")
        raise SystemExit(failure.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _run(arguments: list[str]) -> int:
    if arguments == ["up"]:
        from penstock_cli.settings import load_settings
        from penstock_cli.supervisor.up import up

        return up(load_settings())
    from penstock_cli.app import run_app

    return run_app(arguments)

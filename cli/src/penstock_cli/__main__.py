"""``python -m penstock_cli``."""

from penstock_cli.main import run

run()

"""``python -m cache_service``."""

from cache_service.main import run

run()

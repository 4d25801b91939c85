"""``python -m feature_service``."""

from feature_service.main import run

run()

"""``python -m llm_service``."""

from llm_service.main import run

run()

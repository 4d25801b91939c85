"""``python -m chat_stream_service``."""

from chat_stream_service.main import run

run()

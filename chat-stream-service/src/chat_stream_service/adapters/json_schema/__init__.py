"""JSON Schema in bounded time: what a tool's server or a model sends can't hold the event loop."""

from chat_stream_service.adapters.json_schema.checker import JsonSchemaChecker

__all__ = ["JsonSchemaChecker"]

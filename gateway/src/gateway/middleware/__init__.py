"""Pure ASGI middleware: each wraps the whole application and sees every request."""

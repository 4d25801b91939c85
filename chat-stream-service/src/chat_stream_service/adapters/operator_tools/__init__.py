"""Tools an operator adds by configuration: HTTP endpoints and MCP servers."""

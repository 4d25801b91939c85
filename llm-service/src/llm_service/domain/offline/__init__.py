"""The offline provider: reads a question about devices by rules, plans tool calls, writes the answer."""

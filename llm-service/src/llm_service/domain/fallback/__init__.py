"""The offline provider's rules: reading a question about devices, planning tool calls, writing the answer."""

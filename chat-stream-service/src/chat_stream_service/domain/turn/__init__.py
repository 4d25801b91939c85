"""One turn of a conversation: the prompt, the model's reply, the rounds of tool calls."""

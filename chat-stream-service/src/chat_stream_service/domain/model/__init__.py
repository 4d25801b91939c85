"""The nouns everything else speaks of: conversations, messages, events, tools, and the ports to the stores."""

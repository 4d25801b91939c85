"""A prompt turned into a structured query, by a model or by the offline provider's rules."""

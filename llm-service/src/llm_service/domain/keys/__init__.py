"""The vendors' API keys: a pool for each provider, a breaker for each key, balancing over them."""

"""The nouns everything else speaks of: requests, completions, events, usage, failures, providers, routes."""

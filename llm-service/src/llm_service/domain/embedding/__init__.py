"""One embedding call: routed and metered like a completion."""

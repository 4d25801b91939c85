"""Which provider answers: policies, failover, hedging, timeouts, the retry budget."""

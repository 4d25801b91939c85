"""What a call costs and may cost: the ledger's rows, prices, budgets with reservations, rate limits of keys."""

"""Everything in the memory of this process: bounded, with TTL and LRU, gone at its end."""

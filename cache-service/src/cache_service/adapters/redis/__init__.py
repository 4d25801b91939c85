"""Everything in a Redis that replicas share: values, leases, locks, counters, rates and sessions."""

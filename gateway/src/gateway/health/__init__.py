"""How the whole system is doing: readiness and memory of the five processes."""

"""What surrounds the HTTP protocol of one connection: its limits, its refusals, and how many there may be."""

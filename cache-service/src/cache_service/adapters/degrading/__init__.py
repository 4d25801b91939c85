"""Stores that go on without Redis: shared while it is there, this replica's own while it is away."""

"""Contract suites, fake vendors and in-process servers for Penstock's own tests."""

"""Benchmarks: this system beside its floors, in one run. `make bench`."""

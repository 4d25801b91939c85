"""Readers of ingested bodies, one format to a file, and where bodies and rows wait meanwhile."""

"""Anomalies: windows of rows unlike those of a baseline, and the fields that make them so."""

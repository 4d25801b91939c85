"""Faults provoked for real: processes killed and stopped, servers gone and back."""

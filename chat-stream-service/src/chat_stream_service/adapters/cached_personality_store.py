"""Personalities and templates read through the shared cache; whatever changes one drops it there."""

"""Adapters to vendors, one technology a file, loaded when first used."""

"""Fake vendors: local servers that speak a vendor's wire format and fail as they are told to."""

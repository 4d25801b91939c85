"""The version of Penstock, in this one place: every member's manifest reads it here."""

VERSION = "0.1.0"

"""Requests to places that somebody else names: only where they may go, and never on by a redirect unseen."""

"""Event streams: framing, heartbeats, and what happens when the client leaves."""

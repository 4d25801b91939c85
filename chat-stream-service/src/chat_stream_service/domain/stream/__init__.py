"""A running answer: recorded to the event log, read by subscribers, ended exactly once."""

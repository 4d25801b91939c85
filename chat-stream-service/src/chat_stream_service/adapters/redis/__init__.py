"""What replicas share through Redis: the event log, notices, signs of life, clients."""

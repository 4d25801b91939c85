"""One technology a file: databases, peers, schemas, metrics."""

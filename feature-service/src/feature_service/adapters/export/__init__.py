"""Features of many windows as files: made on the disk, sent in pieces."""

"""Selection policies, one a file: in which order the places a request could go to are tried."""

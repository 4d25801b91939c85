"""What holds the values: one folder per technology."""

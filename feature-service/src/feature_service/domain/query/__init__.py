"""Questions about stored rows: the newest, a range, statistics, features."""

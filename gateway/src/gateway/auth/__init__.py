"""Who calls: users, API keys, access and refresh tokens, and single-use tickets."""

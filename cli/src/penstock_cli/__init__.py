"""The penstock command: up, doctor, chat, key, demo."""

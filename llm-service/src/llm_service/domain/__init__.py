"""What the service is about: questions to models, answers as events, and who gets to answer."""

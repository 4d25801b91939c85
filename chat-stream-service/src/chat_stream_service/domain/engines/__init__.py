"""The engines that can answer, and which one does."""

"""The semantic cache: an answer to a question that means the same, where nothing says that it does not."""

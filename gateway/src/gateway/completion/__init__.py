"""One question to a model, whichever dialect asked it: called, streamed, headed, failed."""

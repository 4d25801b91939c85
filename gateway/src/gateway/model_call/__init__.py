"""One call of a model, whichever dialect asked for it: request, options, deadline, headers, failures."""

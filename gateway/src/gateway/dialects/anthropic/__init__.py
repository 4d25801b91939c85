"""The Anthropic surface: requests and answers of ``/v1/messages`` as Anthropic's clients send and expect them."""

"""The OpenAI surface: requests and answers of ``/v1`` as OpenAI's clients send and expect them."""

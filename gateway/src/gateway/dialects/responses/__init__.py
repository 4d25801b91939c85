"""The Responses surface: requests and answers of ``/v1/responses`` as OpenAI's clients send and expect them."""

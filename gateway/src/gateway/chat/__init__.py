"""Chat streams over HTTP and WebSockets: asked, followed over broken connections, sent to the client."""

"""Files on their way through the gateway, chunk by chunk: uploads and downloads."""

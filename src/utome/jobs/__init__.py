"""One typed function a verb. A job shows nothing: it tells events and returns a frozen result."""

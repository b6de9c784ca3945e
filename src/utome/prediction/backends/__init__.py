"""Other libraries that compute a network on a processor, and which of them is trusted with it."""

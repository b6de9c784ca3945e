"""Training losses, from their definitions; float32 whatever the network computes in."""

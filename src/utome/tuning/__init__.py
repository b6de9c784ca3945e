"""Searching settings: what may vary, what to try next, what to end early, and where all that is kept. Knows no torch."""

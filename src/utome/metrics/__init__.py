"""Metrics, from their definitions, in NumPy alone."""

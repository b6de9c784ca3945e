"""Whole images through a network: tiles, sizes, and the pictures that come out."""

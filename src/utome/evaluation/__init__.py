"""A table of scores: a row an image, and one for all of them together."""

"""One folder in, a ready network with its preparation and classes out."""

"""The verbs of a study: run it, show it, score it anew, and draw its learning curve."""

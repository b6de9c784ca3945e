"""Random changes to a training tile and its labels alike."""

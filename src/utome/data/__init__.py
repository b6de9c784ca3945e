"""Images and masks: finding, reading, checking, splitting, and feeding them to a network."""

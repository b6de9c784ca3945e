"""Studies: arms beside a baseline on the same images, over seeds and folds, and the table that comes of it."""

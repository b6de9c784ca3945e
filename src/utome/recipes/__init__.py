"""Recipes: the complete settings of one system each, with its paper and a reason for everything that the paper leaves open."""

"""One frozen config: the YAML of a recipe, the `--set` of a command, and what is hashed and saved with a run."""

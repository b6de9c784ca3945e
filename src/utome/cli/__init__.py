"""The command line: parses, calls a job, shows its result. It decides nothing."""

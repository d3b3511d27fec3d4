"""Photos from files to a model and pictures back, from a server, a run or a preset."""

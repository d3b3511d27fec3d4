"""Base classes of recipes, options, search spaces, learning rates, and the registry that finds recipes."""

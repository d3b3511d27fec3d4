"""The run directory and its files: configuration, metrics, model card and lock."""

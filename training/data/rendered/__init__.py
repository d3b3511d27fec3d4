"""A catalogue rendered by code, for experiments and tests without photos."""

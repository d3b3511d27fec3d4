"""A catalogue drawn by code, for trials and tests without photos."""

"""Version directories in, answers out."""

"""The training itself: configuration in, run directory out."""

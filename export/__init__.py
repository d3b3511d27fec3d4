"""Run directory in, version directory out."""

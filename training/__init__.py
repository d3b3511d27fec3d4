"""Data in, run directory out."""

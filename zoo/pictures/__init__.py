"""Pixels: ranges, sizes, errors and random changes."""

"""Checks a shop's catalogue, its photos and table, and writes it as a data set."""

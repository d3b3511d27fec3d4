"""Turns a run directory into a version directory that a server loads."""

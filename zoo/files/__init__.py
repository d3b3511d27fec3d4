"""Atomic file writing."""

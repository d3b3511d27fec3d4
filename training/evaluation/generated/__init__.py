"""Scores and sheets of generated pictures."""

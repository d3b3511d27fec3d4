"""Scores generated pictures and draws sheets of them."""

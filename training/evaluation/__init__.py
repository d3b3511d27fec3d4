"""Scores trained models on test photos."""

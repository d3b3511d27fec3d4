"""Weights to begin with, and parts that are not trained."""

"""Writes, compresses, measures, checks and warms up SavedModels."""

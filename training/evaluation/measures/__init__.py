"""Measures by their papers: distances, precision and recall, errors, intervals."""

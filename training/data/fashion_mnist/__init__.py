"""Prepares Fashion-MNIST from its original files."""

"""Trained weights in the package: which there are, and models from them."""

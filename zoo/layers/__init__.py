"""Layers that several families share, and blocks of them."""

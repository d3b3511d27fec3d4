"""Publishes, labels, verifies and prunes version directories."""

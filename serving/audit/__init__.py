"""Holds photos against the rules of market places."""

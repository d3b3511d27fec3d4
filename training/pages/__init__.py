"""Sheets of pictures and pages around them."""

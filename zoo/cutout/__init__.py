"""Finds the product in a photo and cuts it out."""

"""Gives the product in a photo another colour, at the photo's own size."""

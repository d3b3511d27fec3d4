"""A product's colour: names, spaces, and a rule that tells it from a photo."""

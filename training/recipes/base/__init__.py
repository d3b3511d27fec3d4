"""What recipes are made of: the base classes, search spaces, learning rates and how recipes are found."""

"""Fashion-MNIST from its own files."""

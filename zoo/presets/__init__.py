"""The package's trained weights: their list, their descriptions and models built from them."""

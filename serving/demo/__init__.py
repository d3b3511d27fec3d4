"""The demonstration: trains, exports and serves the models, and writes a page of their pictures."""

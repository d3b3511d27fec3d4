"""Product attributes: their vocabulary, their class ids and their loss."""

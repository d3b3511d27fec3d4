"""Neural networks that generate, edit, enlarge and classify product pictures, with their training rules."""

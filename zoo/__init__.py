"""Networks for product pictures and their training rules."""

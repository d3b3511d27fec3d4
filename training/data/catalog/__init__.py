"""A shop's catalogue, photos and table, checked and written as a data set."""

"""Picture bytes in the graph: headers, decoding, encoding, and rows that fail by themselves."""

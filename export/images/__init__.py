"""Decodes and encodes PNG and JPEG files inside the exported graph, with one error per row."""

"""Sends the same requests to two servers and reports where their answers differ."""

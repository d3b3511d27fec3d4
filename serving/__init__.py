"""Serves version directories over gRPC and REST, and asks such servers."""

"""Serves version directories over gRPC and REST: engines, embedded server, clients and deployment."""

"""Fills in deployment files for Docker Compose, Kubernetes and KServe."""

"""Deployment files for Kubernetes, KServe and Docker Compose, filled in and checked."""

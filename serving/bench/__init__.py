"""Measures a server's latency and throughput on this machine, and chooses its settings."""

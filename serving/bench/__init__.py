"""Load, latency and settings of a server, measured on this machine."""

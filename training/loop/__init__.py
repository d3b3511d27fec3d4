"""The training loop: turns a configuration into a run directory."""

"""The run directory: its files, who writes it, and what they hold."""

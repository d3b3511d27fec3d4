"""Starts a model server of any engine and writes its configuration files."""

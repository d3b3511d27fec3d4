"""Defines the signatures that clients call, for each kind of model."""

"""Bayesian optimisation of hyperparameters."""

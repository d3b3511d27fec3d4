"""Tunes hyperparameters by Bayesian optimisation."""

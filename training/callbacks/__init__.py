"""Keras callbacks of a training: logs, checkpoints, samples, warnings and stop requests."""

"""Distributed training on several devices or machines."""

"""Layers and blocks of layers shared by several model families."""

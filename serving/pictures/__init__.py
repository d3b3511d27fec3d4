"""Sends photos to a model, on a server, in a run or in a preset, and writes the pictures it makes."""

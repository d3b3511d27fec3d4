"""Recipes: how each model is built, fed, compiled, sampled and scored. One file per model."""

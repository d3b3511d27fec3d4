"""Colours by name and by number, and a space in which equal distances look equally large."""

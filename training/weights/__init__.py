"""Initial weights from other models, and frozen parts."""

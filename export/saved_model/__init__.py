"""SavedModels: written, compressed, measured, checked and warmed up."""

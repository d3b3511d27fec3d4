"""How each model is built, fed, compiled, shown and scored: one file per family."""

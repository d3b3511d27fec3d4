"""Limits of the settings that models take when they draw, for models, signatures and commands alike."""

MOST_STEPS, MOST_GUIDANCE = 100, 20.0
# Values in requests that stand for the model's own.
OWN_STEPS, OWN_GUIDANCE = 0, -1.0

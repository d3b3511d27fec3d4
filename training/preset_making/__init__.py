"""Building blocks of `training.make_preset`, which turns a run into a preset."""

"""What `training.make_preset` does to turn a run into a preset."""

"""What happens at the steps and epochs of a training: logs, checkpoints, samples, warnings."""

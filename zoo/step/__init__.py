"""What a training step needs on one replica or many: gradients, means, averages, optimizers."""

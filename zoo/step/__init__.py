"""Building blocks of a training step on one or more replicas: gradients, means, averages and optimizers."""

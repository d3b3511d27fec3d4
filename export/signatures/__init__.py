"""What a model answers to over the wire: the signatures of each kind of model."""

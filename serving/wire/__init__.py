"""What crosses the wire: messages, tensors, JSON and status codes. Imports no TensorFlow."""

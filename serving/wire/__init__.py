"""The wire formats of clients and servers: messages, tensors, JSON, status codes; imports no TensorFlow."""

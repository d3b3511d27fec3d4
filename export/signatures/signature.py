"""A served signature: a function of named tensors, with example requests."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

Tensors = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Signature:
    """Describes one entry of a model's `signature_def` map.

    Every input and output has the leading batch dimension N, so that a server can merge requests.

    Args:
        name: Name that clients call it by, e.g. `"generate_png"`.
        inputs: Shape and dtype of each input by name; None for a dimension of any length.
        function: Turns the inputs into the outputs, for N of at least 1.
        example_requests: Inputs of different batch sizes (and image sizes, where they vary), used to check
            and to warm up the exported model.
        is_default: Whether clients that name no signature get this one.
    """

    name: str
    inputs: dict[str, tf.TensorSpec]
    function: Callable[[Tensors], Tensors]
    example_requests: list[dict[str, np.ndarray]]
    is_default: bool = False

    def run(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Runs the signature in this process, compiled as a server runs it.

        Args:
            inputs: Arrays by input name.

        Returns:
            Arrays by output name; strings are `bytes` objects.
        """
        return {name: value.numpy() for name, value in self._compiled(self.to_tensors(inputs)).items()}

    def run_eagerly(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Runs the Keras model operation by operation, as the reference for the exported model."""
        return {name: value.numpy() for name, value in self.function(self.to_tensors(inputs)).items()}

    def to_tensors(self, inputs: Mapping[str, Any]) -> Tensors:
        """Returns arrays as tensors of the signature's dtypes."""
        return {name: tf.convert_to_tensor(value, self.inputs[name].dtype) for name, value in inputs.items()}

    def to_concrete_function(self):
        """Returns the function in the form that `tf.saved_model.save` accepts."""
        return self._compiled.get_concrete_function()

    @functools.cached_property
    def _compiled(self):
        specs = {name: tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in self.inputs.items()}
        return tf.function(self._guarded, input_signature=[specs])

    def _guarded(self, tensors: Tensors) -> Tensors:
        # A convolution ends the whole server process on a wrong rank and returns nonsense for zero rows. So
        # the shape is checked first, and zero rows are computed as one row, which is then cut off.
        tensors = {
            name: tf.ensure_shape(tensor, self.inputs[name].shape, name=f"check_{name}")
            for name, tensor in tensors.items()
        }
        num_rows = [tf.shape(tensor)[0] for tensor in tensors.values()]
        same = tf.reduce_all(tf.equal(num_rows, num_rows[0]))
        message = f"All inputs must have the same number of rows. Received, for {', '.join(tensors)}:"
        with tf.control_dependencies([tf.debugging.Assert(same, [message, *num_rows])]):
            padded = {name: _at_least_one_row(tensor, self.inputs[name]) for name, tensor in tensors.items()}
        outputs = self.function(padded)
        return {name: tf.identity(output[: num_rows[0]], name=name) for name, output in outputs.items()}


def _at_least_one_row(tensor, spec):
    # Open dimensions become 1, because a request with zero rows holds no bytes and may state any size.
    row = tf.zeros([1, *(length or 1 for length in spec.shape[1:])], tensor.dtype)
    padded = tf.cond(tf.shape(tensor)[0] > 0, lambda: tensor, lambda: row)
    return tf.ensure_shape(padded, spec.shape)

"""A served signature's inputs and outputs, and TF Serving's checks of a request against them.

Sources:
    [TFS] tensorflow/serving, `servables/tensorflow/predict_util.cc`
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from serving.wire import data_types, tensor_proto
from serving.wire.status import FailedPrecondition, Internal, InvalidArgument

PREDICT = "tensorflow/serving/predict"
CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"
# TensorFlow iterates over string arrays of up to 32 dimensions, and aborts the process beyond that.
MAX_STRING_RANK = 32


class UnknownSignature(FailedPrecondition):
    """The model has no signature of that name. Over REST, TF Serving uses another message.

    Args:
        signature_name: The requested name.
    """

    def __init__(self, signature_name: str):
        super().__init__(f'Serving signature key "{signature_name}" not found.')
        self.signature_name = signature_name


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a signature.

    Attributes:
        tensor_name: The tensor's name in the graph, e.g. `"serving_default_x:0"`.
        data_type: Number in `tensorflow.DataType`.
        shape: Dimensions, -1 for unknown ones; None for an unknown rank.
    """

    tensor_name: str
    data_type: int
    shape: tuple[int, ...] | None

    @classmethod
    def from_proto(cls, info) -> "TensorSpec":
        shape = None if info.tensor_shape.unknown_rank else tuple(d.size for d in info.tensor_shape.dim)
        return cls(info.name, info.dtype, shape)


class Signature:
    """The inputs and outputs of one `SignatureDef`, with TF Serving's checks of a request against them.

    Args:
        name: Its key in the SavedModel.
        signature_def: The `SignatureDef`.
    """

    def __init__(self, name: str, signature_def):
        self.name = name
        self.method_name = signature_def.method_name
        self.inputs = {
            alias: TensorSpec.from_proto(signature_def.inputs[alias])
            for alias in sorted(signature_def.inputs)
        }
        self.outputs = {
            alias: TensorSpec.from_proto(signature_def.outputs[alias])
            for alias in sorted(signature_def.outputs)
        }
        self.defaults = {
            alias: tensor_proto.to_array(proto) for alias, proto in signature_def.defaults.items()
        }

    def check_predicts(self) -> None:
        """Checks that the signature was exported for serving.

        Raises:
            Internal: Its method name is not one of TF Serving's.
        """
        names = (PREDICT, CLASSIFY, REGRESS)
        if self.method_name not in names:
            raise Internal(
                f"Expected prediction signature method_name to be one of {{{', '.join(names)}}}. "
                f"Was: {self.method_name}"
            )

    def input_arrays(self, inputs: Mapping, decode) -> dict[str, np.ndarray]:
        """Returns one array per input, including defaults.

        Args:
            inputs: The request's values by alias.
            decode: Turns a value of `inputs` into an array, or raises `ValueError`.

        Raises:
            InvalidArgument: Inputs are missing or unknown, or `decode` refuses a value.
        """
        self._check_input_count(inputs)
        arrays = {}
        for alias, spec in self.inputs.items():
            if alias in inputs:
                try:
                    arrays[alias] = _checked_rank(decode(inputs[alias]))
                except (ValueError, OverflowError, MemoryError) as error:
                    raise InvalidArgument(f"tensor parsing error: {alias}") from error
            elif alias in self.defaults:
                arrays[alias] = self.defaults[alias]
            else:
                raise InvalidArgument(
                    f"Signature input alias: {alias}(feed name: {spec.tensor_name}) not found in request and "
                    f"no default value provided. Inputs expected to be in the request {{{_join(inputs)}}}, "
                    f"or default input alias set: {_join(self.defaults)}"
                )
        used = set(inputs) & set(self.inputs)
        if len(used) != len(inputs):
            raise InvalidArgument(
                f"Inputs contains invalid name. Used request inputs: {_join(used)}, "
                f"request input: {_join(inputs)}"
            )
        return arrays

    def _check_input_count(self, inputs):
        too_few = len(inputs) < len(self.inputs) and not self.defaults
        if len(inputs) > len(self.inputs) or too_few:
            sent, wanted = set(inputs), set(self.inputs)
            raise InvalidArgument(
                f"input size does not match signature: {len(sent)}!={len(wanted)} len({{{_join(sent)}}}) != "
                f"len({{{_join(wanted)}}}). Sent extra: {{{_join(sent - wanted)}}}. "
                f"Missing but required: {{{_join(wanted - sent)}}}."
            )

    def output_aliases(self, output_filter: Sequence[str]) -> list[str]:
        """Returns the aliases of the outputs to compute: the requested ones, or all.

        Raises:
            InvalidArgument: A requested output does not exist, or is requested twice.
        """
        for index, alias in enumerate(output_filter):
            if alias not in self.outputs:
                raise InvalidArgument(
                    f"output tensor alias not found in signature: {alias} "
                    f"Outputs expected to be in the set {{{_join(self.outputs)}}}."
                )
            if alias in output_filter[:index]:
                raise InvalidArgument(f"duplicate output tensor alias: {alias}")
        return list(output_filter) or list(self.outputs)

    def check_shapes(
        self, arrays: Mapping[str, np.ndarray], checked: Collection[str], max_rows: int | None = None
    ) -> None:
        """Refuses arrays whose shape does not match the signature, before any kernel runs.

        Unless a model was exported with `tf.ensure_shape`, a fused convolution aborts the process on a wrong
        rank and returns nonsense for a wrong size. The message is therefore the same as `tf.ensure_shape`'s.

        Args:
            arrays: Arrays by alias.
            checked: Names of the tensors whose shapes are to be checked; others may have any shape.
            max_rows: Largest allowed size of an open first dimension.

        Raises:
            InvalidArgument: The rank or a fixed dimension differs, or there are too many rows.
        """
        for alias, array in arrays.items():
            spec = self.inputs[alias]
            if spec.shape is None or data_types.of_array(array).number != spec.data_type:
                continue  # a wrong type never reaches a kernel, because the session refuses it itself
            fits = len(spec.shape) == array.ndim and all(
                wanted in (-1, length) for wanted, length in zip(spec.shape, array.shape, strict=True)
            )
            if not fits and spec.tensor_name in checked:
                raise self._shape_error(spec, array)
            is_batch = array.ndim > 0 and spec.shape[:1] == (-1,)
            if max_rows is not None and is_batch and len(array) > max_rows:
                raise InvalidArgument(
                    f"A request must have at most {max_rows} rows (--max_request_rows). Received: {alias} "
                    f"with {len(array)}. Send several requests."
                )

    def _shape_error(self, spec, array):
        node, _, output = spec.tensor_name.partition(":")
        position = sorted(other.tensor_name for other in self.inputs.values()).index(spec.tensor_name)
        wanted = ",".join("?" if length < 0 else str(length) for length in spec.shape)
        return InvalidArgument(
            f"Shape of tensor _arg_{node}_{output or 0}_{position} [{','.join(map(str, array.shape))}] "
            f"is not compatible with expected shape [{wanted}]."
        )


def _checked_rank(array: np.ndarray) -> np.ndarray:
    if array.dtype == object and array.ndim > MAX_STRING_RANK:
        raise ValueError(
            f"A tensor of strings must have at most {MAX_STRING_RANK} dimensions. Received: {array.ndim}."
        )
    return array


def _join(names) -> str:
    return ",".join(sorted(names))

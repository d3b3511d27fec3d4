"""One loaded version: a SavedModel on a TF1-style session, run the way TF Serving runs it.

`Session.run` would cast inputs, refuse shapes in words of its own and cost four times the time of a small
model. The C binding below it feeds by tensor name and answers with the runtime's own codes and messages,
which are those of TF Serving's clients.
"""

import contextlib
import functools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.python.client import pywrap_tf_session
from tensorflow.python.saved_model import loader_impl

from serving import data_types, tensor_proto
from serving.status import (
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ServingError,
    from_exception,
)

DEFAULT_SIGNATURE = "serving_default"


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a signature.

    Attributes:
        tensor_name: Its name in the graph, e.g. `"serving_default_x:0"`.
        data_type: Number in `tensorflow.DataType`.
        shape: Dimensions with -1 for unknown ones; None for an unknown rank.
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

    def input_arrays(self, inputs: Mapping, decode) -> dict[str, np.ndarray]:
        """Returns one array per input, defaults included.

        Args:
            inputs: What the request holds, by alias.
            decode: Called with a value of `inputs`; returns its array or raises `ValueError`.

        Raises:
            InvalidArgument: Missing or unknown inputs, or a value that `decode` refuses.
        """
        self._check_input_count(inputs)
        arrays = {}
        for alias, spec in self.inputs.items():
            if alias in inputs:
                try:
                    arrays[alias] = decode(inputs[alias])
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
        """Returns the outputs to fetch: those asked for, or all.

        Raises:
            InvalidArgument: An output that does not exist or is asked for twice.
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

    def check_shapes(self, arrays: Mapping[str, np.ndarray], max_rows: int | None = None) -> None:
        """Refuses what the signature's shapes exclude, before any kernel sees it.

        A fused convolution aborts the process on a wrong rank and answers nonsense for a wrong size, unless
        the model was exported with `tf.ensure_shape`; so the words are those of `tf.ensure_shape`.

        Args:
            arrays: By alias.
            max_rows: The most that an open first dimension may have.

        Raises:
            InvalidArgument: The rank or a fixed dimension differs, or there are too many rows.
        """
        for alias, array in arrays.items():
            spec = self.inputs[alias]
            if spec.shape is None or data_types.of_array(array).number != spec.data_type:
                continue  # a wrong type never reaches a kernel: the session refuses it in its own words
            fits = len(spec.shape) == array.ndim and all(
                wanted in (-1, length) for wanted, length in zip(spec.shape, array.shape, strict=True)
            )
            if not fits:
                raise self._shape_error(spec, array)
            if max_rows is not None and spec.shape[:1] == (-1,) and len(array) > max_rows:
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


class SavedModelSession:
    """A SavedModel that answers, from several threads at once.

    Args:
        path: The version directory.
        tags: Tags of the meta graph to load.
        session_config: A `tf.compat.v1.ConfigProto`, for thread counts.
        max_rows: Most rows that `predict` accepts; None for no limit.

    Attributes:
        signature_defs: The `SignatureDef` messages by name, init signatures included.
        signatures: A `Signature` by name.
        runner: What `predict` runs the graph with: `run`, or something that lets requests share a run.

    Raises:
        ServingError: The directory holds no loadable SavedModel.
    """

    def __init__(
        self,
        path: Path,
        tags: Sequence[str] = ("serve",),
        session_config=None,
        max_rows: int | None = None,
    ):
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph, config=session_config)
        try:
            with graph.as_default():
                meta_graph = loader_impl.SavedModelLoader(str(path)).load(self._session, list(tags))
        except Exception as error:
            self._session.close()
            raise _load_error(error, path) from error
        graph.finalize()
        # A model without variables has run nothing yet, and only a run hands the graph to the runtime.
        self._session._extend_graph()
        self._handle = self._session._session
        self.signature_defs = dict(meta_graph.signature_def)
        self.signatures = {name: Signature(name, proto) for name, proto in self.signature_defs.items()}
        self.runner = self.run
        self._max_rows = max_rows
        self._output = functools.cache(self._find_output)
        self._num_users = 0
        self._is_closing = False
        self._users_changed = threading.Condition()

    def acquire(self) -> bool:
        """Keeps the model loaded until `release`; False when it is being closed."""
        with self._users_changed:
            if self._is_closing:
                return False
            self._num_users += 1
            return True

    def release(self) -> None:
        """Ends what `acquire` began."""
        with self._users_changed:
            self._num_users -= 1
            if not self._num_users:
                self._users_changed.notify_all()

    def signature(self, name: str) -> Signature:
        """Returns a signature; the default one for an empty name.

        Raises:
            FailedPrecondition: The model has no signature of that name.
        """
        name = name or DEFAULT_SIGNATURE
        if name not in self.signatures:
            raise FailedPrecondition(f'Serving signature key "{name}" not found.')
        return self.signatures[name]

    def predict(
        self,
        signature: Signature,
        inputs: Mapping,
        output_filter: Sequence[str] = (),
        timeout_seconds: float | None = None,
        decode=tensor_proto.to_array,
    ) -> dict[str, np.ndarray]:
        """Checks a request in TF Serving's order, and runs it.

        Args:
            signature: One of `signatures`.
            inputs: Values by alias, which `decode` turns into arrays.
            output_filter: The outputs wanted; all of them when empty.
            timeout_seconds: Time left; None for no limit.
            decode: Turns one value into an array.

        Raises:
            ServingError: With the code and message that TF Serving answers.
        """
        arrays = signature.input_arrays(inputs, decode)
        aliases = signature.output_aliases(output_filter)
        signature.check_shapes(arrays, self._max_rows)
        feeds = {signature.inputs[alias].tensor_name: array for alias, array in arrays.items()}
        fetches = [signature.outputs[alias].tensor_name for alias in aliases]
        return dict(zip(aliases, self.runner(feeds, fetches, timeout_seconds), strict=True))

    def close(self) -> None:
        """Frees the model as soon as nobody keeps it any more."""
        with self._users_changed:
            self._is_closing = True
            self._users_changed.wait_for(lambda: not self._num_users)
        self._session.close()

    def run(
        self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str], timeout_seconds: float | None = None
    ) -> list[np.ndarray]:
        """Runs the graph once, checking nothing.

        Args:
            feeds: Arrays by tensor name.
            fetches: The names of the tensors wanted.
            timeout_seconds: Time left; None for no limit.

        Raises:
            ServingError: What the runtime says.
        """
        feeds = {self._output(name): array for name, array in feeds.items()}
        fetches = [self._output(name) for name in fetches]
        with _run_options(timeout_seconds) as options:
            try:
                values = pywrap_tf_session.TF_SessionRun_wrapper(
                    self._handle, options, feeds, fetches, [], None
                )
            except Exception as error:
                raise from_exception(error) from error
        # A string without dimensions comes as `bytes`, unlike every other tensor.
        return [np.array(value, object) if isinstance(value, bytes) else value for value in values]

    def _find_output(self, tensor_name):
        # An init signature names an operation; TF Serving then asks for that operation's first output.
        full_name = tensor_name if ":" in tensor_name else f"{tensor_name}:0"
        try:
            return self._session.graph.get_tensor_by_name(full_name)._as_tf_output()
        except (KeyError, ValueError) as error:
            raise InvalidArgument(
                f"Tensor {full_name}, specified in either feed_devices or fetch_devices was not found "
                "in the Graph"
            ) from error


@contextlib.contextmanager
def _run_options(timeout_seconds):
    if timeout_seconds is None:
        yield None
        return
    milliseconds = int(timeout_seconds * 1000)
    if milliseconds <= 0:
        raise DeadlineExceeded("Timed out waiting for notification")
    # protobuf's int64 ends far above any deadline that gRPC may report as "none"
    options = tf.compat.v1.RunOptions(timeout_in_ms=min(milliseconds, 2**53))
    buffer = pywrap_tf_session.TF_NewBufferFromString(options.SerializeToString())
    try:
        yield buffer
    finally:
        pywrap_tf_session.TF_DeleteBuffer(buffer)


def _load_error(error: Exception, path: Path) -> ServingError:
    if isinstance(error, OSError) and not (path / "saved_model.pb").exists():
        return NotFound(f"Could not find SavedModel .pb or .pbtxt at supplied export directory path: {path}")
    return from_exception(error)


def _join(names) -> str:
    return ",".join(sorted(names))

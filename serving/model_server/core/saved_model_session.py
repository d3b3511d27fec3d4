"""Runs one loaded version: a SavedModel in a TF1-style session, as in TF Serving.

`Session.run` would cast inputs, refuse shapes with its own messages and take four times as long as a small
model. The C binding below it feeds tensors by name and returns the runtime's own codes and messages, which
TF Serving's clients get, too.
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.python.client import pywrap_tf_session
from tensorflow.python.saved_model import loader_impl

from serving.model_server.core.batching import Batching, BatchingRunner
from serving.model_server.core.model_signature import Signature, UnknownSignature
from serving.model_server.core.shape_guards import checks_shape, is_placeholder
from serving.wire import tensor_proto
from serving.wire.server_defaults import DEFAULT_SIGNATURE
from serving.wire.status import (
    DeadlineExceeded,
    InvalidArgument,
    NotFound,
    ServingError,
    from_exception,
)
from zoo.files.unglobbed import unglobbed

Runner = Callable[[Mapping[str, np.ndarray], Sequence[str], float | None], list[np.ndarray]]


class SavedModelSession:
    """A loaded SavedModel, which several threads may use at once.

    Args:
        path: The version directory.
        tags: Tags of the meta graph to load.
        session_config: A `tf.compat.v1.ConfigProto`, for the numbers of threads.
        max_rows: Most rows that `predict` accepts; None for no limit.
        checks_method_names: Whether signatures accept only the method that they were exported for.

    Attributes:
        signature_defs: The `SignatureDef` messages by name, including init signatures.
        signatures: The `Signature` objects by name.

    Raises:
        ServingError: The directory holds no loadable SavedModel.
    """

    def __init__(
        self,
        path: Path,
        tags: Sequence[str] = ("serve",),
        session_config=None,
        max_rows: int | None = None,
        checks_method_names: bool = False,
    ):
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph, config=session_config)
        try:
            with graph.as_default():
                meta_graph = loader_impl.SavedModelLoader(str(unglobbed(path))).load(
                    self._session, list(tags)
                )
        except Exception as error:
            self._session.close()
            raise _load_error(error, path) from error
        graph.finalize()
        # Only a run hands the graph to the runtime, and loading a model without variables runs nothing.
        self._session._extend_graph()
        self._handle = self._session._session
        self.signature_defs = dict(meta_graph.signature_def)
        self.signatures = {name: Signature(name, proto) for name, proto in self.signature_defs.items()}
        self._runner: Runner = self.run
        functions = {function.signature.name: function for function in meta_graph.graph_def.library.function}
        # Whether the graph itself checks a placeholder's shape, by the placeholder's name.
        self._placeholders = {
            spec.tensor_name: checks_shape(graph, functions, spec.tensor_name)
            for signature in self.signatures.values()
            for spec in signature.inputs.values()
            if is_placeholder(graph, spec.tensor_name)
        }
        self._max_rows = max_rows
        self.checks_method_names = checks_method_names
        self._output = functools.cache(self._find_output)
        self._num_users = 0
        self._is_closing = False
        self._users_changed = threading.Condition()

    def share_runs(self, batching: Batching, path: Path) -> None:
        """Lets requests share runs of the graph.

        Args:
            batching: The batching of all models.
            path: The version directory, which may hold parameters of its own.

        Raises:
            InvalidArgument: The version's own parameters break a rule.
        """
        self._runner = batching.runner(self.run, path)

    def acquire(self) -> bool:
        """Keeps the model loaded until `release`; returns False if it is being closed."""
        with self._users_changed:
            if self._is_closing:
                return False
            self._num_users += 1
            return True

    def release(self) -> None:
        """Ends the use that `acquire` began."""
        with self._users_changed:
            self._num_users -= 1
            if not self._num_users:
                self._users_changed.notify_all()

    def signature(self, name: str) -> Signature:
        """Returns a signature by name; the default signature for an empty name.

        Raises:
            UnknownSignature: The model has no signature of that name.
        """
        name = name or DEFAULT_SIGNATURE
        if name not in self.signatures:
            raise UnknownSignature(name)
        return self.signatures[name]

    def predict(
        self,
        signature: Signature,
        inputs: Mapping,
        output_filter: Sequence[str] = (),
        timeout_seconds: float | None = None,
        decode=tensor_proto.to_array,
    ) -> dict[str, np.ndarray]:
        """Checks a request in TF Serving's order and runs it.

        Args:
            signature: One of `signatures`.
            inputs: Values by alias, which `decode` turns into arrays.
            output_filter: Aliases of the outputs to return; all if empty.
            timeout_seconds: Remaining time; None for no limit.
            decode: Turns one value into an array.

        Raises:
            ServingError: With TF Serving's code and message.
        """
        arrays = signature.input_arrays(inputs, decode)
        aliases = signature.output_aliases(output_filter)
        feeds = {signature.inputs[alias].tensor_name: array for alias, array in arrays.items()}
        shares_runs = isinstance(self._runner, BatchingRunner)
        if isinstance(self._runner, BatchingRunner):
            self._runner.check_rows(feeds)
        # Where requests share a run, a wrong shape that only the graph finds would fail the others, too.
        checked = {name for name, is_checked in self._placeholders.items() if shares_runs or not is_checked}
        signature.check_shapes(arrays, checked, self._max_rows)
        fetches = [signature.outputs[alias].tensor_name for alias in aliases]
        return dict(zip(aliases, self._runner(feeds, fetches, timeout_seconds), strict=True))

    def close(self) -> None:
        """Frees the model once no thread uses it any more."""
        with self._users_changed:
            self._is_closing = True
            self._users_changed.wait_for(lambda: not self._num_users)
        self._session.close()

    def run(
        self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str], timeout_seconds: float | None = None
    ) -> list[np.ndarray]:
        """Runs the graph once, without any checks.

        Args:
            feeds: Arrays by tensor name.
            fetches: Names of the tensors to return.
            timeout_seconds: Remaining time; None for no limit.

        Raises:
            ServingError: The runtime's error.
        """
        feeds = {self._output(name): array for name, array in feeds.items()}
        fetches = [self._output(name) for name in fetches]
        with _run_options(timeout_seconds) as options:
            try:
                values = pywrap_tf_session.TF_SessionRun_wrapper(
                    self._handle, options, feeds, fetches, [], None
                )
            except UnicodeDecodeError as error:
                # The runtime's message quotes bytes of the request that are not UTF-8, and its code is lost.
                raise InvalidArgument(error.object.decode("utf-8", "replace")) from error
            except Exception as error:
                raise from_exception(error) from error
        # The binding returns a scalar string as `bytes` instead of an array.
        return [np.array(value, object) if isinstance(value, bytes) else value for value in values]

    def _find_output(self, tensor_name):
        # An init signature names an operation, of which TF Serving then uses the first output.
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
    # Stays within protobuf's int64 but exceeds any deadline that gRPC reports as "none".
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

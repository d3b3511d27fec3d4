"""The protocol-neutral core: loads models, finds the version a request means, and answers it."""

import concurrent.futures
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serving import tensor_proto
from serving.model_versions import check_model_configs, wait_for_versions
from serving.saved_model_session import SavedModelSession, Signature
from serving.status import (
    Cancelled,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ServingError,
    Unimplemented,
    Unknown,
    from_exception,
)
from serving.warm_up import warm_up

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelSpec:
    """Which model a request means.

    Attributes:
        name: The model's name.
        version: One version; None for the highest that is available.
        version_label: A label of the configuration instead of a version; `""` for none.
        signature_name: `""` means `serving_default`.
    """

    name: str
    version: int | None = None
    version_label: str = ""
    signature_name: str = ""


@dataclass(frozen=True)
class ModelVersion:
    """One version of a model and where it is in its life.

    Attributes:
        version: The number.
        state: A name in `ModelVersionStatus.State`: START, LOADING, AVAILABLE, UNLOADING or END.
        error: Why loading failed; None while all is well.
        session: The loaded model while it is AVAILABLE.
    """

    version: int
    state: str = "START"
    error: ServingError | None = None
    session: SavedModelSession | None = None


@dataclass(frozen=True)
class Prediction:
    """An answer, with the model specification as TF Serving echoes it."""

    model_name: str
    version: int
    signature_name: str
    outputs: dict[str, np.ndarray]


@dataclass(frozen=True)
class LoadOptions:
    """How models are loaded; the names are those of tensorflow_model_server's flags.

    Attributes:
        session_config: A `tf.compat.v1.ConfigProto`; None for TensorFlow's defaults.
        file_system_poll_wait_seconds: Pause between two looks at a base path without versions.
    """

    saved_model_tags: Sequence[str] = ("serve",)
    session_config: object = None
    enable_model_warmup: bool = True
    num_request_iterations_for_warmup: int = 1
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    file_system_poll_wait_seconds: float = 1.0
    allow_version_labels_for_unavailable_models: bool = False


class ServerCore:
    """Models and their versions, for any number of threads and any protocol.

    Args:
        config: A `ModelServerConfig`.
        options: How to load.

    Raises:
        ServingError: The configuration breaks one of TF Serving's rules.

    Example:

    ```python
    core = ServerCore(read_text_proto(path, ModelServerConfig))
    core.load()
    core.predict(ModelSpec("srcnn_x3"), {"image_bytes": array}).outputs
    ```
    """

    def __init__(self, config, options: LoadOptions | None = None):
        check_model_configs(config)
        self.config = config
        self.options = options or LoadOptions()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._models: dict[str, dict[int, ModelVersion]] = {}
        self._labels = {
            model.name: dict(model.version_labels) for model in self.config.model_config_list.config
        }
        if not self.options.allow_version_labels_for_unavailable_models:
            self._refuse_labels()

    def _refuse_labels(self):
        """TF Serving reads labels before it loads the models they point to."""
        for name, labels in self._labels.items():
            for version in labels.values():
                raise FailedPrecondition(
                    f"Request to assign label to version {version} of model {name}, "
                    "which is not currently available for inference"
                )

    def load(self) -> None:
        """Loads every model, and returns once each has an available version.

        Raises:
            Unknown: A model has none that loads; the message holds the reasons.
            Cancelled: `stop` was called meanwhile.
        """
        models = self.config.model_config_list.config
        chosen = wait_for_versions(models, self._stop, self.options.file_system_poll_wait_seconds)
        num_threads = 4 * (os.cpu_count() or 1)
        with concurrent.futures.ThreadPoolExecutor(num_threads, "load") as pool:
            tasks = [
                pool.submit(self._load_version, name, version, path)
                for name, versions in chosen.items()
                for version, path in sorted(versions.items())
            ]
            for task in tasks:
                task.result()
        self._check_every_model_is_available(chosen)

    def stop(self) -> None:
        """Ends a `load` that waits for versions or for its next try."""
        self._stop.set()

    def predict(
        self,
        spec: ModelSpec | None,
        inputs: Mapping,
        output_filter: Sequence[str] = (),
        timeout_seconds: float | None = None,
        decode=tensor_proto.to_array,
    ) -> Prediction:
        """Answers one request; see `SavedModelSession.predict` for the arguments.

        Raises:
            ServingError: With TF Serving's code and message, the checks in TF Serving's order.
        """
        model = self.find(spec)
        signature = model.session.signature(spec.signature_name)
        return self.predict_with(spec, model, signature, inputs, output_filter, timeout_seconds, decode)

    def predict_with(
        self,
        spec: ModelSpec,
        model: ModelVersion,
        signature: Signature,
        inputs: Mapping,
        output_filter: Sequence[str] = (),
        timeout_seconds: float | None = None,
        decode=tensor_proto.to_array,
    ) -> Prediction:
        """As `predict`, for a caller that has looked up model and signature to read its inputs."""
        try:
            outputs = model.session.predict(signature, inputs, output_filter, timeout_seconds, decode)
        except Exception as error:
            raise from_exception(error) from error
        return Prediction(spec.name, model.version, signature.name, outputs)

    def find(self, spec: ModelSpec | None) -> ModelVersion:
        """Returns the available version that a request means.

        Raises:
            InvalidArgument: No specification, no name, or an unknown label.
            NotFound: No such model or version is available.
        """
        if spec is None:
            raise InvalidArgument("Missing ModelSpec")
        if not spec.name:
            raise InvalidArgument("ModelSpec has no name specified.")
        version = spec.version
        if spec.version_label:
            version = self._labels.get(spec.name, {}).get(spec.version_label)
            if version is None:
                raise InvalidArgument(f"Unrecognized servable version label: {spec.version_label}")
        versions = self._models.get(spec.name, {})
        if version is None:
            available = [model for model in versions.values() if model.session]
            if not available:
                raise NotFound(f"Servable not found for request: Latest({spec.name})")
            return max(available, key=lambda model: model.version)
        if version not in versions or not versions[version].session:
            raise NotFound(f"Servable not found for request: Specific({spec.name}, {version})")
        return versions[version]

    def model_status(self, spec: ModelSpec | None) -> list[ModelVersion]:
        """Returns the versions of a model, newest first. A label is ignored, as TF Serving does.

        Raises:
            InvalidArgument: No specification.
            NotFound: No version, or not the one asked for.
        """
        if spec is None:
            raise InvalidArgument("Missing ModelSpec")
        versions = self._models.get(spec.name, {})
        if spec.version is not None:
            if spec.version not in versions:
                raise NotFound(f"Could not find version {spec.version} of model {spec.name}")
            return [versions[spec.version]]
        if not versions:
            raise NotFound(f"Could not find any versions of model {spec.name}")
        return [versions[version] for version in sorted(versions, reverse=True)]

    def _load_version(self, name, version, path: Path):
        if self._stop.is_set():
            return
        self._set(name, ModelVersion(version, "LOADING"))
        error = None
        for attempt in range(self.options.max_num_load_retries + 1):
            if attempt and self._stop.wait(self.options.load_retry_interval_micros / 1e6):
                break
            try:
                session = self._load_session(path)
            except Exception as reason:  # noqa: BLE001 - any failure is the state of this version
                error = from_exception(reason)
                _logger.error(
                    "Loading servable: {name: %s version: %d} failed: %s", name, version, error.status_text()
                )
                continue
            self._set(name, ModelVersion(version, "AVAILABLE", session=session))
            _logger.info("Successfully loaded servable version {name: %s version: %d}", name, version)
            return
        self._set(name, ModelVersion(version, "END", error=error))

    def _load_session(self, path):
        session = SavedModelSession(path, self.options.saved_model_tags, self.options.session_config)
        if self.options.enable_model_warmup:
            try:
                warm_up(session, path, self.options.num_request_iterations_for_warmup)
            except Exception:
                session.close()
                raise
        return session

    def _set(self, name, model: ModelVersion):
        """Replaces the map of a model's versions, so that readers need no lock."""
        with self._lock:
            self._models = self._models | {name: self._models.get(name, {}) | {model.version: model}}

    def _check_every_model_is_available(self, chosen):
        if self._stop.is_set():
            raise Cancelled("The server was stopped while it loaded models.")
        failed = []
        for name in chosen:
            versions = self.model_status(ModelSpec(name))
            if not any(model.session for model in versions):
                reason = f" due to error: {versions[0].error.status_text()}" if versions[0].error else ""
                failed.append(f"{{{{name: {name} version: {versions[0].version}}}{reason}}}, ")
        if failed:
            raise Unknown(f"{len(failed)} servable(s) did not become available: {{{''.join(failed)}}}")


def not_answered(method: str) -> Unimplemented:
    """Returns the error for what TF Serving answers and this server does not."""
    return Unimplemented(f"{method} is not supported by this server; tensorflow_model_server answers it.")

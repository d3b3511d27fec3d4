"""The protocol-neutral core: loads models, finds the version that a request names, and runs it."""

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from serving.model_server.core import classify_regress
from serving.model_server.core.metrics import Metrics
from serving.model_server.core.model_signature import Signature
from serving.model_server.core.model_versions import VersionSource, check_model_configs, check_platforms_stay
from serving.model_server.core.request_types import Inference, ModelSpec, Prediction
from serving.model_server.core.servable_manager import ModelVersion, ServableManager
from serving.model_server.core.version_loading import LoadOptions, load_session
from serving.wire import tensor_proto
from serving.wire.server_defaults import DEFAULT_SIGNATURE
from serving.wire.status import (
    Cancelled,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unknown,
    from_exception,
)

# Between two looks at whether the client of a configuration is still there.
_POLL_SECONDS = 0.2


class ServerCore:
    """The server's models and their versions, for any number of threads and any protocol.

    Args:
        config: A `ModelServerConfig`.
        options: Options of loading.
        metrics: Metrics to update.

    Raises:
        ServingError: The configuration breaks one of TF Serving's rules.

    Example:

    ```python
    core = ServerCore(read_text_proto(path, ModelServerConfig))
    core.load()
    core.predict(ModelSpec("srcnn_x3"), {"image_bytes": array}).outputs
    ```
    """

    def __init__(self, config, options: LoadOptions | None = None, metrics: Metrics | None = None):
        check_model_configs(config)
        self.metrics = metrics or Metrics()
        self._set_config(config)
        self.options = options or LoadOptions()
        self._manager = ServableManager(
            functools.partial(load_session, options=self.options, metrics=self.metrics),
            self.options.num_load_threads,
            self.options.num_unload_threads,
            self.options.max_num_load_retries,
            self.options.load_retry_interval_micros / 1e6,
        )
        self._source = VersionSource(self._manager.want, self.options.file_system_poll_wait_seconds)
        self._reloading = threading.Lock()
        self._labels: dict[str, dict[str, int]] = {}
        self._labels = self._check_labels(config)

    def load(self) -> None:
        """Loads every model, returns once each has an available version, and keeps following the directories.

        Raises:
            Unknown: A model has no version that loads; the message holds the reasons.
            Cancelled: `stop` was called meanwhile.
        """
        models = self.config.model_config_list.config
        self._source.set_models(models)
        self._source.start()
        self._manager.start()
        self._wait_until_available([model.name for model in models])

    def reload(self, config, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Switches to another configuration and returns once its new models are available.

        Args:
            config: A `ModelServerConfig`; an empty one changes nothing.
            is_wanted: Called repeatedly; returns whether to keep waiting, because a new model may have no
                version yet.

        Raises:
            ServingError: The configuration breaks one of TF Serving's rules, or a new model does not load.
        """
        with self._turn_to_reload(is_wanted):
            kinds = (self.config.WhichOneof("config"), config.WhichOneof("config"))
            if kinds[0] is not None and kinds[1] != "model_config_list":
                raise FailedPrecondition(
                    "Cannot transition to requested config. It is only legal to transition from one "
                    "ModelConfigList to another."
                )
            if kinds[1] is None:
                return
            check_platforms_stay(self.config, config)
            check_model_configs(config)
            known = {model.name for model in self.config.model_config_list.config}
            # Like TF Serving, keeps a configuration even if it then refuses the labels.
            self._set_config(config)
            self._labels = self._check_labels(config)
            models = config.model_config_list.config
            self._source.set_models(models)
            new = [model.name for model in models if model.name not in known]
            self._wait_until_available(new, is_wanted)

    def _set_config(self, config) -> None:
        self.config = config
        self.metrics.known_models = frozenset(model.name for model in config.model_config_list.config)

    @contextlib.contextmanager
    def _turn_to_reload(self, is_wanted):
        while not self._reloading.acquire(timeout=_POLL_SECONDS):
            if not is_wanted():
                raise Cancelled("The client left while the server took another configuration.")
        try:
            yield
        finally:
            self._reloading.release()

    def stop(self) -> None:
        """Stops following the directories and ends a `load` that waits; safe in signal handlers."""
        self._source.stop()
        self._manager.stop()

    def predict(
        self,
        spec: ModelSpec | None,
        inputs: Mapping | Callable[[Signature], Mapping],
        output_filter: Sequence[str] = (),
        timeout_seconds: float | None = None,
        decode=tensor_proto.to_array,
    ) -> Prediction:
        """Answers one Predict request, of any protocol.

        Args:
            spec: The request's model and signature.
            inputs: The request's values by alias, or a function that reads them once the signature is known,
                for a protocol whose values carry no types.
            output_filter: Aliases of the outputs to return; all if empty.
            timeout_seconds: Remaining time; None for no limit.
            decode: Turns one value of `inputs` into an array.

        Raises:
            ServingError: With TF Serving's code and message, the checks in TF Serving's order.
        """
        spec = _given(spec)
        with self.lease(spec) as model:
            signature = model.session.signature(spec.signature_name)
            if callable(inputs):
                inputs = inputs(signature)
            if self.options.enable_signature_method_name_check:
                signature.check_predicts()
            begin = time.perf_counter()
            try:
                outputs = model.session.predict(signature, inputs, output_filter, timeout_seconds, decode)
            except Exception as error:
                raise from_exception(error) from error
        self.metrics.runtime_latency.add((time.perf_counter() - begin) * 1e6, spec.name, "Predict", "TF1")
        return Prediction(spec.name, model.version, signature.name, outputs)

    def infer(
        self,
        spec: ModelSpec | None,
        method_name: str,
        examples: Sequence[bytes],
        timeout_seconds: float | None = None,
    ) -> Inference:
        """Answers one Classify or Regress request, of any protocol.

        Args:
            spec: The request's model and signature.
            method_name: `CLASSIFY` or `REGRESS`.
            examples: Serialized `tf.Example`s.
            timeout_seconds: Remaining time; None for no limit.

        Raises:
            ServingError: With TF Serving's code and message, the checks in TF Serving's order.
        """
        spec = _given(spec)
        with self.lease(spec) as model:
            result = classify_regress.infer(
                model.session, spec.signature_name, method_name, examples, timeout_seconds
            )
        self.metrics.count_examples(spec.name, len(examples))
        return Inference(spec.name, model.version, spec.signature_name or DEFAULT_SIGNATURE, result)

    def infer_all(
        self,
        spec: ModelSpec,
        tasks: Sequence[classify_regress.Task],
        examples: Sequence[bytes],
        timeout_seconds: float | None = None,
    ) -> list[Inference]:
        """Answers one MultiInference request, which has several tasks, with a single run.

        Args:
            spec: The first task's specification, which selects the version for all of them.
            tasks: At least one task; each uses another signature on the same input.
            examples: As for `infer`.
            timeout_seconds: As for `infer`.

        Raises:
            ServingError: As by `infer`.
        """
        with self.lease(spec) as model:
            results = classify_regress.infer_all(model.session, tasks, examples, timeout_seconds)
        self.metrics.count_examples(spec.name, len(examples))
        return [
            Inference(task.model_name, model.version, task.signature_name or DEFAULT_SIGNATURE, result)
            for task, result in zip(tasks, results, strict=True)
        ]

    @contextlib.contextmanager
    def lease(self, spec: ModelSpec) -> Iterator[ModelVersion]:
        """Finds the version that a request names and keeps it loaded during a `with` block.

        Raises:
            ServingError: As by `find`.
        """
        model = self.find(spec)
        while not model.session.acquire():
            # The version was given up meanwhile, so another one is found now, or none.
            model = self.find(spec)
        try:
            yield model
        finally:
            model.session.release()

    def find(self, spec: ModelSpec) -> ModelVersion:
        """Returns the available version that a request names.

        Raises:
            InvalidArgument: The specification has no name, or its label is unknown.
            NotFound: No such model or version is available.
        """
        if not spec.name:
            raise InvalidArgument("ModelSpec has no name specified.")
        version = spec.version
        if spec.version_label:
            version = self._labels.get(spec.name, {}).get(spec.version_label)
            if version is None:
                raise InvalidArgument(f"Unrecognized servable version label: {spec.version_label}")
        models = self._manager.versions(spec.name).values()
        available = {model.version: model for model in models if model.state == "AVAILABLE"}
        if version is None:
            if not available:
                raise NotFound(f"Servable not found for request: Latest({spec.name})")
            return available[max(available)]
        if version not in available:
            raise NotFound(f"Servable not found for request: Specific({spec.name}, {version})")
        return available[version]

    def model_status(self, spec: ModelSpec | None) -> list[ModelVersion]:
        """Returns a model's versions, newest first. Ignores a label, as TF Serving does.

        Raises:
            InvalidArgument: The specification is missing.
            NotFound: The model has no version, or not the requested one.
        """
        spec = _given(spec)
        versions = self._manager.versions(spec.name)
        if spec.version is not None:
            if spec.version not in versions:
                raise NotFound(f"Could not find version {spec.version} of model {spec.name}")
            return [versions[spec.version]]
        if not versions:
            raise NotFound(f"Could not find any versions of model {spec.name}")
        return [versions[version] for version in sorted(versions, reverse=True)]

    def _check_labels(self, config) -> dict[str, dict[str, int]]:
        """Checks and returns each model's labels, before the versions that they name are loaded."""
        labels = {model.name: dict(model.version_labels) for model in config.model_config_list.config}
        for name, versions in labels.items():
            for label, version in versions.items():
                used = self._labels.get(name, {}).get(label, version)
                if self.options.allow_version_labels_for_unavailable_models and used == version:
                    continue
                model = self._manager.versions(name).get(version)
                if model is None or model.state != "AVAILABLE":
                    raise FailedPrecondition(
                        f"Request to assign label to version {version} of model {name}, "
                        "which is not currently available for inference"
                    )
        return labels

    def _wait_until_available(self, names, is_wanted=lambda: True):
        failed = []
        for name, model in zip(names, self._manager.wait_until_settled(names, is_wanted), strict=True):
            if model.state != "AVAILABLE":
                reason = f" due to error: {model.error.status_text()}" if model.error else ""
                failed.append(f"{{{{name: {name} version: {model.version}}}{reason}}}, ")
        if failed:
            raise Unknown(f"{len(failed)} servable(s) did not become available: {{{''.join(failed)}}}")


def _given(spec: ModelSpec | None) -> ModelSpec:
    if spec is None:
        raise InvalidArgument("Missing ModelSpec")
    return spec

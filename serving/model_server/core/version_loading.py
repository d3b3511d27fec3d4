"""Loads one version: checks its files, sets up batching if it is on, and runs the warm-up requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from export.versions.manifest import MANIFEST, check_manifest
from serving.model_server.core.batching import Batching
from serving.model_server.core.metrics import Metrics
from serving.model_server.core.saved_model_session import SavedModelSession
from serving.model_server.core.warm_up import warm_up
from serving.wire.status import DataLoss


@dataclass(frozen=True)
class LoadOptions:
    """Options of loading models, under the names of tensorflow_model_server's flags.

    Attributes:
        session_config: A `tf.compat.v1.ConfigProto`; None for TensorFlow's defaults.
        file_system_poll_wait_seconds: Pause between two searches for versions; 0 searches once.
        batching: Lets requests share runs; None runs each request separately.
        max_request_rows: Most rows of a request; None for no limit.
    """

    saved_model_tags: Sequence[str] = ("serve",)
    session_config: object = None
    enable_model_warmup: bool = True
    num_request_iterations_for_warmup: int = 1
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    file_system_poll_wait_seconds: float = 1.0
    num_load_threads: int = 0
    num_unload_threads: int = 0
    allow_version_labels_for_unavailable_models: bool = False
    batching: Batching | None = None
    max_request_rows: int | None = None
    enable_signature_method_name_check: bool = False


def load_session(path: Path, options: LoadOptions, metrics: Metrics) -> SavedModelSession:
    """Loads a version and returns it ready for requests.

    Args:
        path: The version directory.
        options: Options of loading.
        metrics: Metrics to update.

    Raises:
        ServingError: The directory holds no loadable SavedModel, its files do not match its manifest, or a
            warm-up request fails.
    """
    _check_files(path)
    session = SavedModelSession(
        path,
        options.saved_model_tags,
        options.session_config,
        options.max_request_rows,
        options.enable_signature_method_name_check,
    )
    try:
        if options.batching:
            session.share_runs(options.batching, path)
        if options.enable_model_warmup:
            warm_up(session, path, options.num_request_iterations_for_warmup, metrics)
    except Exception:
        session.close()
        raise
    return session


def _check_files(path: Path) -> None:
    """Refuses a version whose files do not match its manifest, if it has one."""
    if not (path / MANIFEST).is_file():
        return
    try:
        check_manifest(path)
    except ValueError as error:
        raise DataLoss(str(error)) from error

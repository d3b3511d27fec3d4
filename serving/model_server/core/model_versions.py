"""Decides from the configuration and the directories on disk which versions a server loads."""

import collections
import functools
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from export.versions import version_dirs
from serving.wire.status import InvalidArgument, NotFound, Unimplemented

PLATFORM = "tensorflow"
_logger = logging.getLogger(__name__)


def check_model_configs(config) -> None:
    """Checks a `ModelServerConfig` by TF Serving's rules.

    Raises:
        InvalidArgument: A model is listed twice, has a relative base path, or another platform.
        Unimplemented: The file contains a custom configuration.
    """
    if config.WhichOneof("config") == "custom_model_config":
        raise Unimplemented("ModelServer does not yet support custom model config.")
    models = config.model_config_list.config
    # Counted once, because a configuration from a client may list a hundred thousand models.
    counts = collections.Counter(model.name for model in models)
    for model in models:
        if counts[model.name] > 1:
            raise InvalidArgument(f"Illegal to list model {model.name} multiple times in config list")
    for model in models:
        if not os.path.isabs(model.base_path) and "://" not in model.base_path:
            raise InvalidArgument(
                f"Expected model {model.name} to have an absolute path or URI; "
                f"got base_path()={model.base_path}"
            )
    for model in models:
        _check_platform(model)


def check_platforms_stay(old, new) -> None:
    """Checks that no model's platform changes from one `ModelServerConfig` to the next.

    Raises:
        InvalidArgument: A model's platform changes.
    """
    platforms = {model.name: _platform(model) for model in old.model_config_list.config}
    for model in new.model_config_list.config:
        before = platforms.get(model.name, _platform(model))
        if before != _platform(model):
            raise InvalidArgument(
                f"Illegal to change a model's platform. For model {model.name} platform was {before} and new "
                f"platform requested is {_platform(model)}"
            )


def _platform(model) -> str:
    return model.model_platform or PLATFORM


def _check_platform(model):
    deprecated_type = getattr(model, "model_type", 0)
    fields = "ModelServerConfig::model_type (deprecated) {} ModelServerConfig::model_platform"
    if deprecated_type and model.model_platform:
        raise InvalidArgument(f"Illegal setting both {fields.format('and')}, model name is {model.name}")
    if not deprecated_type and not model.model_platform:
        raise InvalidArgument(f"Illegal setting neither {fields.format('nor')}, model name is {model.name}")
    if model.model_platform not in ("", PLATFORM):
        raise InvalidArgument(f"Model {model.name} requests unsupported platform {model.model_platform}")


def find_versions(base_path: Path) -> dict[int, Path]:
    """Returns the entries of a base path that TF Serving would load, by number, lowest first.

    Args:
        base_path: The model's directory.

    Raises:
        NotFound: The directory does not exist.
    """
    try:
        found = version_dirs.find_versions(base_path, as_tf_serving_reads=True)
    except OSError as error:
        raise NotFound(f"Could not find base path {base_path}: {error.strerror}") from error
    except ValueError as error:  # a path from a client may contain a zero byte
        raise NotFound(f"Could not find base path {str(base_path)!r}: {error}") from error
    versions = {}
    for number, path in found:
        if number in versions:
            _warn_once(f"Duplicate version {number} in {base_path}: {path.name} is used.")
        versions[number] = path
    return versions


def choose_versions(model) -> dict[int, Path]:
    """Returns the versions on disk that a model's version policy selects.

    Args:
        model: A `ModelConfig`.

    Raises:
        NotFound: The base path does not exist.
    """
    policy = model.model_version_policy
    found = find_versions(Path(model.base_path))
    if policy.HasField("all"):
        return found
    if policy.HasField("specific"):
        missing = sorted(set(policy.specific.versions) - set(found))
        if missing:
            _warn_once(f"Versions {missing} of servable {model.name} are not under {model.base_path}.")
        return {version: found[version] for version in found if version in policy.specific.versions}
    num_versions = policy.latest.num_versions or 1
    return {version: found[version] for version in list(found)[-num_versions:]}


@functools.lru_cache(maxsize=256)
def _warn_once(message):
    _logger.warning("%s", message)


class VersionSource:
    """Polls the models' directories and reports the versions to load.

    Args:
        want: Called with each model's version directories by number; empty for a model to unload.
        poll_wait_seconds: Pause between two searches; 0 searches once, a negative number never.
    """

    def __init__(self, want: Callable[[Mapping[str, Mapping[int, Path]]], None], poll_wait_seconds: float):
        self._want = want
        self._poll_wait_seconds = poll_wait_seconds
        self._models: tuple[Any, ...] = ()
        self._reported = ""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="versions", daemon=True)

    def set_models(self, models) -> None:
        """Replaces the models by those of the given `ModelConfig` messages and searches at once."""
        with self._lock:
            removed = {model.name for model in self._models} - {model.name for model in models}
            self._want({name: {} for name in removed})
            self._models = tuple(models)
        if self._poll_wait_seconds >= 0:
            self._look()

    def start(self) -> None:
        """Starts the polling thread."""
        if self._poll_wait_seconds > 0:
            self._thread.start()

    def stop(self) -> None:
        """Stops polling; safe in signal handlers."""
        self._stop.set()

    def _run(self):
        while not self._stop.wait(self._poll_wait_seconds):
            self._look()

    def _look(self):
        with self._lock:
            try:
                chosen = {model.name: choose_versions(model) for model in self._models}
            except NotFound as error:
                # As in TF Serving, one missing base path discards the search of all of them.
                self._report(f"FileSystemStoragePathSource encountered a filesystem access error: {error}")
                return
            empty = [model for model in self._models if not chosen[model.name]]
            self._report(
                "; ".join(
                    f"No versions of servable {model.name} found under base path {model.base_path}"
                    for model in empty
                )
            )
            self._want(chosen)

    def _report(self, problem):
        """Logs a problem once instead of at every search."""
        if problem and problem != self._reported:
            _logger.warning("%s", problem)
        self._reported = problem

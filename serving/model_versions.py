"""Which versions of which models a server should load: the configuration, and the directories on disk."""

import logging
import os
import re
import threading
from pathlib import Path

from serving.status import Cancelled, InvalidArgument, NotFound, Unimplemented

PLATFORM = "tensorflow"
_MAX_VERSION = 2**63 - 1
_logger = logging.getLogger(__name__)


def check_model_configs(config) -> None:
    """Checks a `ModelServerConfig` by TF Serving's rules.

    Raises:
        InvalidArgument: A model is listed twice, has a relative base path, or another platform.
        Unimplemented: The file asks for a custom configuration.
    """
    if config.WhichOneof("config") == "custom_model_config":
        raise Unimplemented("ModelServer does not yet support custom model config.")
    models = config.model_config_list.config
    names = [model.name for model in models]
    for model in models:
        if names.count(model.name) > 1:
            raise InvalidArgument(f"Illegal to list model {model.name} multiple times in config list")
    for model in models:
        if not os.path.isabs(model.base_path) and "://" not in model.base_path:
            raise InvalidArgument(
                f"Expected model {model.name} to have an absolute path or URI; "
                f"got base_path()={model.base_path}"
            )
    for model in models:
        _check_platform(model)


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
    """Returns the entries of a base path whose names are numbers, by number, lowest first.

    Args:
        base_path: The directory of one model.

    Raises:
        NotFound: It does not exist.
    """
    try:
        names = sorted(os.listdir(base_path))
    except OSError as error:
        raise NotFound(f"Could not find base path {base_path}: {error.strerror}") from error
    versions = {}
    for name in names:
        if not re.fullmatch(r"[0-9]+", name) or int(name) > _MAX_VERSION:
            continue
        if int(name) in versions:
            _logger.warning("Duplicate version %d in %s: %s is used.", int(name), base_path, name)
        versions[int(name)] = base_path / name
    return dict(sorted(versions.items()))


def choose_versions(model) -> dict[int, Path]:
    """Returns the versions that a model's policy asks for, of those on disk.

    Args:
        model: A `ModelConfig`.

    Raises:
        NotFound: The base path does not exist.
    """
    policy = model.model_version_policy
    found = find_versions(Path(model.base_path))
    if not found:
        _logger.warning("No versions of servable %s found under base path %s.", model.name, model.base_path)
    if policy.HasField("all"):
        return found
    if policy.HasField("specific"):
        missing = sorted(set(policy.specific.versions) - set(found))
        if missing:
            _logger.warning(
                "Versions %s of servable %s are not under %s.", missing, model.name, model.base_path
            )
        return {version: found[version] for version in found if version in policy.specific.versions}
    num_versions = policy.latest.num_versions or 1
    return {version: found[version] for version in list(found)[-num_versions:]}


def wait_for_versions(models, stop: threading.Event, poll_wait_seconds: float) -> dict[str, dict[int, Path]]:
    """Returns the versions to load of every model, once each has one.

    Args:
        models: `ModelConfig` messages.
        stop: Ends the waiting.
        poll_wait_seconds: Pause between two looks; 0 or less looks only once, and waits for `stop`.

    Raises:
        Cancelled: `stop` was set before there was a version of each.
    """
    reported = ""
    while True:
        try:
            chosen = {model.name: choose_versions(model) for model in models}
            if all(chosen.values()):
                return chosen
        except NotFound as error:
            # One base path that is missing drops the look at all of them, as in TF Serving.
            if error.message != reported:
                _logger.error("FileSystemStoragePathSource encountered a filesystem access error: %s", error)
                reported = error.message
        if stop.wait(poll_wait_seconds if poll_wait_seconds > 0 else None):
            raise Cancelled("The server was stopped while it waited for models.")

"""Writes every engine's configuration: `models.config`, `batching.config` and `monitoring.config`."""

import os
from pathlib import Path

from google.protobuf import text_format

from export.versions.labels import read_labels, served_labels
from export.versions.version_dirs import servable_versions, version_number
from serving.wire import messages
from serving.wire.server_defaults import (
    BATCH_TIMEOUT_MICROS,
    GRPC_THREADS,
    MAX_BATCH_SIZE,
    MAX_ENQUEUED_BATCHES,
    METRICS_PATH,
)
from serving.wire.text_proto import read_text_proto
from zoo.files.atomic_write import write_text

MODELS_FILE = "models.config"
BATCHING_FILE = "batching.config"
MONITORING_FILE = "monitoring.config"
_SAVED_MODEL = "saved_model.pb"

_MODELS_NOTE = """\
# A model serves its highest version, or all versions once its labels were moved (`zoo export promote`).
# The labels are those at the time of writing; `zoo serve` rewrites this file whenever they change.
"""
_BATCHING_NOTE = """\
# Rows of different clients share a run. Requests that arrive together must agree in every dimension except
# the first; photos sent as PNG or JPEG files always do.
"""
_NO_BATCHING_NOTE = """\
# Batching is off: it was no faster on the machine that measured it, and the server starts without its flags.
"""


def find_models(models_dir: Path) -> dict[str, list[int]]:
    """Returns the models of a directory and their versions, lowest first.

    Args:
        models_dir: Directory of all models, with `<model_name>/<version>/` directories; see
            `servable_versions`.

    Raises:
        FileNotFoundError: The directory is missing, or holds no model.
    """
    advice = "Export a model into it: zoo export RUN --models-dir DIR."
    if not models_dir.is_dir():
        raise FileNotFoundError(
            f"The models directory must exist. Received: models_dir={str(models_dir)!r}. {advice}"
        )
    entries = sorted(entry for entry in models_dir.iterdir() if entry.is_dir())
    models = {entry.name: servable_versions(entry) for entry in entries}
    found = {name: versions for name, versions in models.items() if versions}
    if not found:
        names = ", ".join(sorted(entry.name for entry in models_dir.iterdir())) or "nothing"
        raise FileNotFoundError(
            "The models directory must hold at least one MODEL/VERSION/saved_model.pb. "
            f"Received: models_dir={str(models_dir)!r}, which holds {names}. {advice}"
        )
    return found


def find_passed_over(models_dir: Path) -> dict[str, str]:
    """Returns the directories in a models directory that look like models or versions and are not served.

    Args:
        models_dir: As for `find_models`.

    Returns:
        The reason by the path below `models_dir`; hidden directories are left out.
    """
    passed_over = {}
    for model in sorted(entry for entry in models_dir.iterdir() if _is_visible_directory(entry)):
        if (model / _SAVED_MODEL).is_file():
            passed_over[model.name] = f"{_SAVED_MODEL} must lie in a version's directory, {model.name}/1"
            continue
        for version in sorted(entry for entry in model.iterdir() if _is_visible_directory(entry)):
            number = version_number(version.name)
            if number is None and (version / _SAVED_MODEL).is_file():
                passed_over[f"{model.name}/{version.name}"] = "versions are named by numbers alone"
            elif number is not None and not (version / _SAVED_MODEL).is_file():
                passed_over[f"{model.name}/{version.name}"] = f"it holds no {_SAVED_MODEL}"
    return passed_over


def _is_visible_directory(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def write_config_files(models_dir: Path, config_dir: Path, batching=None) -> list[Path]:
    """Writes the three files and returns their paths.

    Args:
        models_dir: Directory of all models; see `find_models`.
        config_dir: Directory to write to, created if missing.
        batching: `BatchingParameters`, an empty message for no batching; those of `recorded_batching` by
            default.

    Raises:
        FileNotFoundError: There is no model to serve.
        InvalidArgument: The recorded parameters do not parse.
    """
    texts = config_texts(models_dir)
    texts[BATCHING_FILE] = batching_text(recorded_batching(models_dir) if batching is None else batching)
    return [write_text(config_dir / name, text) for name, text in texts.items()]


def config_texts(
    models_dir: Path, served_from: Path | None = None, num_cpus: int | None = None
) -> dict[str, str]:
    """Returns the three files' texts by name.

    Args:
        models_dir: Directory of all models; see `find_models`.
        served_from: The server's path of that directory; the same path by default.
        num_cpus: The server's number of CPUs; this machine's by default.

    Raises:
        FileNotFoundError: There is no model to serve.
    """
    return {
        MODELS_FILE: models_text(models_config(models_dir, served_from)),
        BATCHING_FILE: batching_text(batching_config(num_cpus)),
        MONITORING_FILE: _to_text(monitoring_config()),
    }


def models_config(models_dir: Path, served_from: Path | None = None):
    """Returns the `ModelServerConfig` for a directory of models, with the arguments of `config_texts`.

    A model without its own labels serves its highest version; a model with labels serves all its versions.

    Raises:
        FileNotFoundError: There is no model to serve.
        ValueError: A model's labels cannot be read, or name a version that does not exist.
    """
    base_dir = served_from or models_dir.resolve()
    config = messages.ModelServerConfig()
    for name, versions in find_models(models_dir).items():
        labels = served_labels(models_dir / name, versions)
        model = config.model_config_list.config.add(
            name=name, base_path=str(base_dir / name), model_platform="tensorflow"
        )
        model.version_labels.update(labels)
        if read_labels(models_dir / name):
            # A label can move only to a loaded version, so all are loaded to allow rolling back at once.
            model.model_version_policy.all.SetInParent()
        else:
            model.model_version_policy.latest.num_versions = 1
    return config


def models_text(config) -> str:
    """Returns the text of `models.config`."""
    return _MODELS_NOTE + _to_text(config)


def batching_config(num_cpus: int | None = None):
    """Returns `BatchingParameters` for interactive use: a short wait, and a bounded queue."""
    config = messages.BatchingParameters()
    config.max_batch_size.value = MAX_BATCH_SIZE
    config.batch_timeout_micros.value = BATCH_TIMEOUT_MICROS
    config.max_enqueued_batches.value = MAX_ENQUEUED_BATCHES
    config.num_batch_threads.value = num_cpus or os.cpu_count() or 1
    return config


def batching_text(config) -> str:
    """Returns the text of `batching.config`; an empty message means that batching is off."""
    return _BATCHING_NOTE + _to_text(config) if config.ListFields() else _NO_BATCHING_NOTE


def recorded_batching(models_dir: Path):
    """Returns the `BatchingParameters` that `zoo serve bench` wrote to the models, or `batching_config()`.

    Raises:
        InvalidArgument: The file does not parse.
    """
    file = models_dir / BATCHING_FILE
    return read_text_proto(str(file), messages.BatchingParameters) if file.is_file() else batching_config()


def monitoring_config():
    """Returns a `MonitoringConfig` that enables Prometheus' metrics page."""
    config = messages.MonitoringConfig()
    config.prometheus_config.enable = True
    config.prometheus_config.path = METRICS_PATH
    return config


def server_arguments(
    config_dir: Path,
    port: int,
    rest_api_port: int,
    with_batching: bool = True,
    intra_op_parallelism: int = 0,
) -> list[str]:
    """Returns the flags with which every engine serves a directory of configuration files."""
    threads = [f"--tensorflow_intra_op_parallelism={intra_op_parallelism}"] if intra_op_parallelism else []
    batching = ["--enable_batching=true", f"--batching_parameters_file={config_dir / BATCHING_FILE}"]
    return [
        f"--port={port}",
        f"--rest_api_port={rest_api_port}",
        f"--model_config_file={config_dir / MODELS_FILE}",
        # The server reads the file's labels before it loads the versions that they name.
        "--allow_version_labels_for_unavailable_models=true",
        *(batching if with_batching else []),
        *threads,
        f"--grpc_max_threads={GRPC_THREADS}",
        f"--monitoring_config_file={config_dir / MONITORING_FILE}",
        # A model that does not load ends the start after seconds instead of minutes.
        "--max_num_load_retries=2",
        "--load_retry_interval_micros=1000000",
    ]


def _to_text(message) -> str:
    return text_format.MessageToString(message)

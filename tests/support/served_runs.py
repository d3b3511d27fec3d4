"""Runs trained for seconds, their exports and a server on them, made once for the whole test run."""

import contextlib
import functools
import shutil
from pathlib import Path

import pytest
from exported_models import exported
from free_ports import free_port
from kept_directories import make_directory

from export.saved_model.exporter import export_run
from export.signatures.of_models import make_signatures
from export.signatures.signature import Signature
from serving.launch.config_files import write_config_files
from serving.model_server.server import ModelServer
from training.loop.trainer import start_training
from training.trained_model import load_model
from zoo.cli import main

MODEL_OPTIONS = {
    "dcgan": {"latent_dim": 8, "width": 4},
    "conditional_vae": {"latent_dim": 8, "width": 4, "kl_weight": 1.0},
    "srcnn": {"upscale_factor": 2, "kernels": "9-1-5", "is_residual": True},
    "fsrcnn": {"upscale_factor": 2, "is_residual": True},
    "clean": {"width": 4, "depth": 2},
    "ecbsr": {"upscale_factor": 2, "width": 4, "depth": 2},
    "classifier": {"width": 4, "label_smoothing": 0.1},
}
SERVED_NAMES = {
    "dcgan": "dcgan",
    "conditional_vae": "conditional_vae",
    "srcnn": "srcnn_x2",
    "fsrcnn": "fsrcnn_x2",
    "clean": "clean",
    "ecbsr": "ecbsr_x2",
    "classifier": "classifier",
}


@functools.cache
def _directory() -> Path:
    return make_directory("served-runs")


@functools.cache
def trained_run(model, make_small_config) -> Path:
    """Returns the run directory of a model that was trained for an epoch. Do not change it.

    Its batches divide neither the 32 pictures to train on nor the 4 of the other splits.
    """
    options = {"image_size": 16, "batch_size": 3, "model_options": MODEL_OPTIONS[model]}
    config = make_small_config(model, epochs=1, **options)
    return start_training(config, _directory() / "runs", model)


@functools.cache
def exported_run(model, make_small_config) -> Path:
    """Returns the version directory of the model's run, alone in its `MODELS_DIR`."""
    return export_run(trained_run(model, make_small_config), _directory() / f"models-{model}")


@functools.cache
def signatures_of_run(model, make_small_config) -> dict[str, Signature]:
    """Returns the signatures of the model's run, by name; each is compiled once for the whole test run."""
    signatures = make_signatures(load_model(trained_run(model, make_small_config)))
    return {signature.name: signature for signature in signatures}


@contextlib.contextmanager
def running_server(models_dir: Path, config_dir: Path, **flags):
    """Runs a server in this process; yields its addresses by protocol."""
    write_config_files(models_dir, config_dir)
    server = ModelServer(
        port=free_port(),
        rest_api_port=free_port(),
        model_config_file=str(config_dir / "models.config"),
        allow_version_labels_for_unavailable_models=True,
        **flags,
    )
    server.start()
    try:
        yield {
            "grpc": f"localhost:{server.flags['port']}",
            "rest": f"http://localhost:{server.flags['rest_api_port']}",
        }
    finally:
        server.stop(grace_seconds=1)


@contextlib.contextmanager
def running_exported(names, tmp_path_factory):
    """Runs a server of models that `exported_models.exported` makes; yields its addresses by protocol."""
    models_dir = tmp_path_factory.mktemp("models")
    for name in names:
        shutil.copytree(exported(name).directory, models_dir / name / "1")
    with running_server(models_dir, tmp_path_factory.mktemp("config")) as addresses:
        yield addresses


def run_zoo(capsys, *arguments) -> tuple[int, str, str]:
    """Runs a command line in this process.

    Returns:
        Its exit code, what it printed, and its error without `zoo: error: `, which must be one line.
    """
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    errors = [line for line in printed.err.splitlines() if line.startswith("zoo: error: ")]
    assert len(errors) == (0 if ended.value.code == 0 else 1), printed.err
    assert "Traceback" not in printed.err
    return ended.value.code, printed.out, "".join(errors).removeprefix("zoo: error: ")


def files_in(directory: Path) -> list[str]:
    """Lists every file below a directory; `[]` if the directory does not exist."""
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())

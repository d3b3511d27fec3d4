"""What every test may rely on: a quiet TensorFlow, a home of its own, one small prepared data set."""

import os
import runpy
from pathlib import Path

# Before TensorFlow is imported anywhere.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import kept_directories
import pytest

pytest.register_assert_rewrite("checks", "pictures_in_memory")


def pytest_collection_modifyitems(items):
    """Begins with the files of the longest tests, `slow(minutes=N)`; begun last, one would run alone."""
    minutes: dict[Path, float] = {}
    for item in items:
        for marker in item.iter_markers("slow"):
            minutes[item.path] = minutes.get(item.path, 0) + marker.kwargs.get("minutes", 0)
            # Where coverage is measured, it is that of the default tests: measuring these would take minutes.
            item.add_marker(pytest.mark.no_cover)
    items.sort(key=lambda item: -minutes.get(item.path, 0))


@pytest.fixture(scope="session", autouse=True)
def home_of_its_own(tmp_path_factory):
    """Keeps tests from reading or writing what the user has prepared, and their files with pytest's own."""
    kept_directories.root = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(tmp_path_factory.mktemp("zoo-home")))
        patch.setenv("TFDS_DATA_DIR", str(tmp_path_factory.mktemp("tfds")))
        yield


@pytest.fixture(scope="session")
def setup_arguments():
    """What setup.py tells setuptools."""
    import setuptools

    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setuptools, "setup", found.update)
        runpy.run_path(str(Path(__file__).parents[1] / "setup.py"))
    return found


@pytest.fixture(scope="session")
def small_data_dir(tmp_path_factory):
    """A data directory with a `rendered_catalog` of 40 RGB pictures of 16 pixels: 32 train, 4, 4."""
    from training.data.rendered import builder as rendered_catalog

    data_dir = tmp_path_factory.mktemp("data")
    rendered_catalog.prepare(data_dir, size=16, count=40)
    return data_dir


@pytest.fixture(scope="session")
def small_data_set(small_data_dir):
    from training.data.data_sets import load_data_set

    return load_data_set("rendered_catalog", small_data_dir)


@pytest.fixture(scope="session")
def make_small_config(small_data_dir):
    """Given a model's name, returns the configuration of a training of seconds: 4 epochs of 4 steps."""
    from training.runs.config import TrainingConfig

    model_options = {
        "dcgan": {"latent_dim": 3, "width": 2, "diff_augment": "none"},
        "conditional_vae": {"latent_dim": 3, "width": 2, "kl_weight": 1.0},
        "srcnn": {"upscale_factor": 2, "kernels": "9-1-5", "is_residual": False},
        "fsrcnn": {"upscale_factor": 2, "is_residual": True},
        "clean": {"width": 4, "depth": 2},
        "ecbsr": {"upscale_factor": 2, "width": 4, "depth": 2},
        "classifier": {"width": 2, "label_smoothing": 0.1},
    }

    def make(model, **changes):
        values = {
            "model": model,
            "dataset": "rendered_catalog",
            "data_dir": str(small_data_dir),
            "epochs": 4,
            "batch_size": 8,
            "image_size": 8,
            "learning_rate": 1e-3,
            "precision": "float32",
            "model_options": model_options[model],
        }
        return TrainingConfig(**{**values, **changes})

    return make


@pytest.fixture(scope="session")
def finished_run(make_small_config, tmp_path_factory):
    """The run directory of a DCGAN that was trained for 4 epochs without a stop. Do not change it."""
    from training.loop.trainer import start_training

    return start_training(make_small_config("dcgan"), tmp_path_factory.mktemp("runs"), "uninterrupted")


@pytest.fixture
def run_of(make_small_config):
    """Returns what trains a model of this name once for all tests, and gives its run."""
    from served_runs import trained_run

    return lambda model: trained_run(model, make_small_config)


@pytest.fixture(scope="module")
def few_repeats():
    """Makes intervals and timings of evaluations rough, and fast: they have tests of their own."""
    from training.evaluation import efficiency
    from training.evaluation.measures import bootstrap, frechet_distance, kernel_distance

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(efficiency, "_SECONDS_PER_BATCH_SIZE", 0.0)
        patch.setattr(frechet_distance, "NUM_RESAMPLES", 3)
        patch.setattr(bootstrap, "NUM_MEAN_RESAMPLES", 20)
        patch.setattr(kernel_distance, "NUM_SUBSETS", 5)
        yield


@pytest.fixture
def presets_dir(make_small_config, tmp_path_factory, monkeypatch):
    """A directory of small presets, which the package takes for its own; the test may change it."""
    from small_presets import copy_presets

    from zoo.presets import registry

    directory = copy_presets(make_small_config, tmp_path_factory.mktemp("presets") / "preset_files")
    monkeypatch.setattr(registry, "DIRECTORY", directory)
    return directory


@pytest.fixture(params=["memory", "disk", "none"])
def cached(request, tmp_path):
    """The arguments of batches for each cache."""
    return {"cache": request.param, "cache_dir": tmp_path / "cache"}


@pytest.fixture
def build_shop(tmp_path, capsys):
    """Runs `zoo data build shop` on `tmp_path`; returns exit code, output and errors."""

    def run(*words, name="shop", table="t.csv"):
        from zoo import cli

        with pytest.raises(SystemExit) as caught:
            cli.main(
                [
                    "data",
                    "build",
                    name,
                    "--images",
                    str(tmp_path / "images"),
                    "--table",
                    str(tmp_path / table),
                ]
                + ["--data-dir", str(tmp_path / "data"), *words]
            )
        captured = capsys.readouterr()
        return caught.value.code, captured.out, captured.err

    return run

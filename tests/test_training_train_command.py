"""`zoo train`: the runs it trains, its errors and their exit codes."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.loop import run_callbacks
from training.runs.run_directory import create_run_directory, read_config
from training.trained_model import load_model
from zoo import cli

SMALL = ("--epochs", "1", "--batch-size", "8", "--image-size", "8", "--precision", "float32")
# Of the pictures there are.
FEW = ("--batch-size", "4")


@pytest.fixture
def train(tmp_path, small_data_dir, capsys, monkeypatch):
    """Runs `zoo train` in an empty directory; returns exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, adds_data_set=True):
        if adds_data_set:
            arguments = (*arguments, "--dataset", "rendered_catalog", "--data-dir", str(small_data_dir))
        with pytest.raises(SystemExit) as exit_info:
            cli.main(["train", *map(str, arguments)])
        captured = capsys.readouterr()
        return exit_info.value.code, captured.out, captured.err

    return run


def assert_refused(result, exit_code, *texts):
    """The command said why in one line and left nothing behind."""
    code, _, err = result
    lines = [line for line in err.splitlines() if not line.startswith("Precision: ")]
    assert len(lines) == 1
    for text in texts:
        assert text in lines[0]
    assert lines[0].startswith("zoo: error: ")
    assert code == exit_code
    assert os.listdir(".") == []


@pytest.mark.slow
def test_a_training_says_where_the_run_is_and_what_to_do_with_it(train):
    code, out, err = train("conditional_vae", *SMALL, "--width", 2, "--latent-dim", 3, "--run-name", "first")
    assert code == 0
    precision, *judge = err.splitlines()
    assert precision == "Precision: float32 (requested)"
    # The judge of `val_kernel_distance` is trained only where no earlier training has left it.
    assert len(judge) <= 1
    assert all(line.startswith("Training a small classifier of rendered_catalog, once") for line in judge)
    run = Path("runs", "first")
    assert out.splitlines()[-3:] == [
        f"Run: {run}",
        f"View it:   tensorboard --logdir {run / 'tensorboard'}",
        f"Export it: zoo export {run}",
    ]
    model = load_model(run)
    assert (model.width, model.latent_dim, model.kl_weight, model.image_size) == (2, 3, 1.0, 8)
    # Real, reconstructed and as each of six categories.
    sheet = np.asarray(Image.open(run / "samples" / "epoch-0001.png"))
    assert sheet.shape[0] > 8 * 72


def test_a_dry_run_prints_the_configuration_and_writes_nothing(train, small_data_dir):
    code, out, _ = train(
        "srcnn", *FEW, "--factor", 3, "--residual", "--seed", 4, "--precision", "float32", "--dry-run"
    )
    assert code == 0
    assert json.loads(out) == {
        "format": 1,
        "model": "srcnn",
        "dataset": "rendered_catalog",
        "epochs": 20,
        "batch_size": 4,
        # That of the pictures.
        "image_size": 16,
        "learning_rate": 1e-3,
        "precision": "float32",
        "schedule": "constant",
        "seed": 4,
        "model_options": {
            "upscale_factor": 3,
            "kernels": "9-1-5",
            "is_residual": True,
            "colour_space": "luma",
        },
        "optimizer_options": {},
        "patches_per_image": 1,
        "init_from": None,
        "freeze": [],
        "early_stop": None,
        "deterministic": False,
        "jit": "auto",
        "data_dir": str(small_data_dir),
        "only": {},
        "augment": [],
        "degrade": [],
        "cache": "memory",
    }
    assert os.listdir(".") == []


def test_a_dry_run_refuses_names_that_the_training_would_refuse(train):
    result = train("srcnn", "--run-name", "../x", "--dry-run")
    assert_refused(result, 1, "`run_name` must be a plain directory name. Received: run_name='../x'.")
    result = train("srcnn", "--distribute", "horovod", "--dry-run")
    assert_refused(
        result, 2, "Unknown distribution. Received: 'horovod'. Known: none, mirrored, multi_worker"
    )


def test_a_dry_run_refuses_what_the_model_would_refuse(train, finished_run):
    result = train("srcnn", "--batch-size", 100000, "--dry-run")
    assert_refused(result, 1, "`batch_size` must be at most the number of training photos.")
    result = train("dcgan", "--freeze", "nose", "--dry-run")
    assert_refused(result, 2, "Received: 'nose'.", "Known: generator, discriminator, ")
    result = train("--resume", finished_run, "--batch-size", 5, "--dry-run", adds_data_set=False)
    assert_refused(result, 2, "can change when a run is resumed", "batch_size 5 instead of ")


def test_a_part_of_the_data_set_is_recorded(train):
    kept = "t-shirt,trouser, dress,shoe"
    code, out, _ = train("dcgan", *FEW, "--only", f"category={kept}", "--dry-run")
    assert code == 0
    assert json.loads(out)["only"] == {"category": ["t-shirt", "trouser", "dress", "shoe"]}
    again = ("--only", "category=t-shirt", "--only", "category=trouser,dress,shoe")
    assert json.loads(train("dcgan", *FEW, *again, "--dry-run")[1])["only"] == json.loads(out)["only"]
    _, _, errors = train("dcgan", "--only", 'category="shoe, left",dress', "--dry-run")
    assert "Received: 'shoe, left'." in errors
    code, _, errors = train("dcgan", "--only", "category", "--dry-run")
    assert code == 2
    assert "A selection must read NAME=VALUE,VALUE. Received: 'category'." in errors


def test_changes_of_the_pictures_and_the_cache_are_recorded(train):
    code, out, _ = train(
        "srcnn", *FEW, "--augment", "flip, colour", "--degrade", "jpeg,blur", "--cache", "none", "--dry-run"
    )
    assert code == 0
    config = json.loads(out)
    assert (config["augment"], config["degrade"]) == (["flip", "colour"], ["jpeg", "blur"])
    assert config["cache"] == "none"


def test_changes_can_be_taken_back(train, tmp_path_factory, make_small_config):
    path = tmp_path_factory.mktemp("configs") / "config.json"
    path.write_text(make_small_config("dcgan", augment=["flip"], cache="disk").to_json())
    _, out, _ = train("--config", path, "--augment", "", "--dry-run", adds_data_set=False)
    config = json.loads(out)
    assert (config["augment"], config["cache"]) == ([], "disk")


def test_the_classifier_changes_its_pictures_unless_told_otherwise(train):
    for options, augment in (
        ([], ["flip", "crop"]),
        (["--augment", "none"], []),
        (["--augment", "zoom"], ["zoom"]),
    ):
        code, out, _ = train("classifier", *FEW, *options, "--dry-run")
        assert (code, json.loads(out)["augment"]) == (0, augment)
    assert json.loads(out)["schedule"] == "cosine"


def test_the_precision_that_auto_chose_is_said_and_kept(train, monkeypatch):
    monkeypatch.setattr("training.loop.precision._gpu_capabilities", list)
    monkeypatch.setattr("training.loop.precision._cpu_flags", lambda: {"amx_bf16"})
    code, out, err = train("dcgan", *FEW, "--dry-run")
    assert (code, err) == (0, "Precision: mixed_bfloat16 (the CPU has amx_bf16)\n")
    assert json.loads(out)["precision"] == "mixed_bfloat16"


def test_a_configuration_is_repeated_and_options_change_it(train, finished_run):
    config = finished_run / "config.json"
    code, out, _ = train("--config", config, "--dry-run", adds_data_set=False)
    assert (code, out) == (0, config.read_text(encoding="utf-8"))
    _, out, _ = train("--config", config, "--epochs", 9, "--width", 5, "--dry-run", adds_data_set=False)
    changed = {**json.loads(config.read_text(encoding="utf-8")), "epochs": 9}
    changed["model_options"] = {**changed["model_options"], "width": 5}
    assert json.loads(out) == changed


def test_a_dry_run_of_resuming_prints_the_configuration_of_the_run(train, finished_run):
    code, out, _ = train("--resume", finished_run, "--dry-run", adds_data_set=False)
    assert (code, out) == (0, (finished_run / "config.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (
            ["dcgann"],
            [
                "Unknown model. Received: 'dcgann'.",
                "Known: autoencoder, classifier, clean, conditional_vae, cutout, dcgan, ecbsr, fsrcnn, ",
                "latent_flow, recolour, srcnn, style.",
            ],
        ),
        (
            ["dcgan", "--precision", "float16"],
            ["'float16'. Known: auto, float32, mixed_float16, mixed_bfloat16."],
        ),
        (["srcnn", "--kernels", "9-9-9"], ["Unknown SRCNN kernels. Received: '9-9-9'. Known: 9-1-5, 9-3-5,"]),
        (["srcnn", "--factor", "5"], ["Invalid value for '--factor': 5 is not in the range 2<=x<=4."]),
        (
            ["srcnn", "--latent-dim", "5"],
            [
                "Unknown option of srcnn. Received: '--latent-dim'.",
                "Known: --factor, --kernels, --residual/--no-residual, --colour-space.",
            ],
        ),
        (
            ["dcgan", "--augment", "flip,roll"],
            ["Unknown augmentation. Received: 'roll'. Known: crop, flip, rotation, zoom, brightness,"],
        ),
        (
            ["dcgan", "--patches-per-image", "2"],
            ["because it is trained on whole photos. Received: patches_per_image=2."],
        ),
        (
            ["srcnn", "--augment", "zoom"],
            [
                "Received: 'zoom'. Known: crop, flip, turn, scale, brightness,",
                "excludes those that would soften its targets.",
            ],
        ),
        (
            ["srcnn", "--degrade", "noise"],
            ["Unknown degradation of srcnn. Received: 'noise'. Known: blur, jpeg."],
        ),
        (
            ["dcgan", "--degrade", "jpeg"],
            ["Known: none. Only super-resolution models degrade their input."],
        ),
        (
            ["dcgan", "--cache", "tape"],
            ["Invalid value for '--cache': 'tape' is not one of 'memory', 'disk'"],
        ),
        (
            ["dcgan", "--augment", "none,flip"],
            ["Unknown augmentation. Received: 'none'. Known: crop, flip,"],
        ),
        (
            ["classifier", "--label-smoothing", "1"],
            ["Invalid value for '--label-smoothing': 1.0 is not in the range 0<=x<1."],
        ),
        (["dcgan", "--width", "0"], ["Invalid value for '--width': 0 is not in the range x>=1."]),
        (["dcgan", "--epochs", "many"], ["Invalid value for '--epochs': 'many' is not a valid integer"]),
        (
            ["dcgan", "--learning-rate", "0"],
            ["Invalid value for '--learning-rate': 0.0 is not in the range x>0."],
        ),
        (["dcgan", "--seed", "-1"], ["Invalid value for '--seed': -1 is not in the range 0<=x<=4294967295."]),
        (["dcgan", "--seed", str(2**32)], ["4294967296 is not in the range 0<=x<=4294967295."]),
        ([], ["Name a MODEL, a run to `--resume` or a `--config` file."]),
    ],
)
def test_wrong_usage_is_answered_with_what_exists(train, arguments, texts):
    assert_refused(train(*arguments), 2, *texts)


def test_an_unknown_data_set_is_answered_with_those_that_exist(train):
    result = train("dcgan", "--dataset", "mnist", adds_data_set=False)
    assert_refused(result, 2, "Unknown data set. Received: 'mnist'. Known: fashion_mnist, rendered_catalog.")


def test_what_the_model_cannot_do_is_said_before_anything_is_written(train):
    assert_refused(train("dcgan", "--image-size", 100), 2, "image_size=100. Nearest allowed sizes: 96, 112.")
    for model in ("fsrcnn", "clean"):  # whose patches are cut from pictures of 16 pixels
        refusal = "Received: --image-size 72 for rendered_catalog, whose pictures have 16 pixels a side."
        assert_refused(train(model, "--image-size", 72), 2, refusal)
    assert_refused(train("dcgan", "--batch-size", 33, "--image-size", 8), 1, "batch_size=33, 32 photos in")


def test_a_configuration_of_another_model_is_refused(train, finished_run):
    result = train("srcnn", "--config", finished_run / "config.json", adds_data_set=False)
    assert_refused(
        result, 2, "MODEL must be dcgan, because", "config.json configures it. Received: MODEL=srcnn."
    )


def test_a_configuration_that_is_missing_or_of_another_version_is_named(train, tmp_path_factory):
    missing = tmp_path_factory.mktemp("configs") / "config.json"
    assert_refused(train("--config", missing), 2, "does not exist", str(missing))
    missing.write_text('{"format": 2}')
    assert_refused(train("--config", missing), 1, f"Received: {missing} of format 2", "Train again")


def test_resuming_takes_everything_from_the_run(train, finished_run):
    def resume(*arguments):
        return train("--resume", finished_run, *arguments, adds_data_set=False)

    message = (
        "Only --epochs, --learning-rate, --early-stop, --data-dir, --deterministic, --jit can change when a "
        "run is resumed, because the others determine the steps already trained. Received: "
    )
    assert_refused(
        resume("--seed", 1, "--width", 3), 2, f"{message}seed 1 instead of 0, width 3 instead of 2."
    )
    assert_refused(resume("srcnn"), 2, f"{message}model 'srcnn' instead of 'dcgan'.")
    assert_refused(resume("--kernels", "9-5-5"), 2, "Unknown option of dcgan. Received: '--kernels'.")
    assert_refused(
        resume("--run-name", "other"), 2, "`--resume` cannot be combined with `--config` or `--run-name`"
    )


def test_what_cannot_be_resumed_says_what_is_missing(train, tmp_path_factory, make_small_config):
    directory = tmp_path_factory.mktemp("runs")

    def resume(run):
        return train("--resume", run, adds_data_set=False)

    assert_refused(resume("nowhere"), 1, "Received: nowhere, which does not exist.")
    assert_refused(
        resume(directory), 1, f"must contain config.json. Received: {directory}, where it is missing"
    )
    run = create_run_directory(directory, make_small_config("srcnn"), "empty")
    assert_refused(
        resume(run), 1, "A run must have a checkpoint to be resumed.", f"--config {run / 'config.json'}"
    )
    (run / "config.json").write_text((run / "config.json").read_text().replace('"format": 1', '"format": 7'))
    assert_refused(resume(run), 1, f"Received: {run / 'config.json'} of format 7")


def test_a_finished_run_is_not_trained_again(train, finished_run):
    before = {path: path.stat().st_mtime_ns for path in finished_run.rglob("*")}
    result = train("--resume", finished_run, adds_data_set=False)
    assert_refused(result, 1, "which has finished 4 epochs.", f"--resume {finished_run} --epochs 8")
    assert {path: path.stat().st_mtime_ns for path in finished_run.rglob("*")} == before


def test_a_run_name_that_exists_is_refused(train, tmp_path_factory, make_small_config):
    runs_dir = tmp_path_factory.mktemp("runs")
    run = create_run_directory(runs_dir, make_small_config("dcgan"), "first")
    result = train("srcnn", *SMALL, "--runs-dir", runs_dir, "--run-name", "first")
    assert_refused(result, 1, f"Received: {run}, which exists.", "`--resume`", "`--run-name`")
    assert read_config(run).model == "dcgan"
    assert_refused(train("srcnn", *SMALL, "--run-name", "a/b"), 1, "Received: run_name='a/b'.")


def test_a_directory_that_cannot_be_written_is_named(train, tmp_path_factory):
    # A file in its place, because root may write to every directory.
    runs_dir = tmp_path_factory.mktemp("runs") / "file"
    runs_dir.write_text("")
    result = train("srcnn", *SMALL, "--runs-dir", runs_dir)
    assert_refused(
        result,
        1,
        f"must be writable and have enough free space. Received: runs_dir={runs_dir} (Not a directory)",
    )
    assert runs_dir.read_text() == ""


def test_ctrl_c_at_the_very_beginning_leaves_a_run_that_resumes(train, monkeypatch):
    class Stopping(run_callbacks.Throughput):
        def on_train_begin(self, logs=None):
            raise KeyboardInterrupt

    run = Path("runs", "stopped")
    with monkeypatch.context() as patch:
        patch.setattr(run_callbacks, "Throughput", Stopping)
        code, _, err = train("dcgan", *SMALL, "--width", 2, "--run-name", "stopped")
    message = f"The training was interrupted in epoch 1 of 1. Resume it: zoo train --resume {run}"
    assert (code, err.splitlines()[-1]) == (1, f"zoo: error: {message}")
    code, out, _ = train("--resume", run, adds_data_set=False)
    assert (code, out.splitlines()[-3]) == (0, f"Run: {run}")
    assert load_model(run).width == 2

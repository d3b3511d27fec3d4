"""A family in three files goes the whole way, and nothing else in the tree names it."""

import importlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from served_runs import run_zoo, running_server

from serving.client import RowError, connect
from training import recipes
from training.recipes.base.registry import RECIPES

REPOSITORY = Path(__file__).parent.parent
TOY = REPOSITORY / "tests" / "support" / "toy_family"
NAME = "toy_mean"


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """Puts the family's three files where they are found; moves into an empty folder."""
    monkeypatch.syspath_prepend(str(TOY))
    monkeypatch.setattr(recipes, "__path__", [*recipes.__path__, str(TOY / "recipes")])
    importlib.invalidate_caches()
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def train(capsys, small_data_dir):
    def run(*words):
        where = ["--dataset", "rendered_catalog", "--data-dir", small_data_dir, "--precision", "float32"]
        return run_zoo(capsys, "train", NAME, *where, "--run-name", "toy", *words)

    return run


def read_metrics(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_it_is_trained_resumed_evaluated_exported_served_and_asked(toy, train, capsys, tmp_path):
    assert train("--darkness", "0.01", "--epochs", "2")[0] == 0
    run = tmp_path / "runs" / "toy"
    assert json.loads((run / "config.json").read_text())["model_options"] == {"darkness": 0.01}
    assert run_zoo(capsys, "train", "--resume", run, "--epochs", "3")[::2] == (0, "")
    losses = [epoch["val_loss"] for epoch in read_metrics(run)]
    assert len(losses) == 3
    assert losses[2] < losses[0]

    assert run_zoo(capsys, "evaluate", run)[0] == 0
    scores = json.loads((run / "evaluation.json").read_text())["scores"]
    assert scores["loss"]["value"] == pytest.approx(losses[2], rel=1)
    assert scores["parameters"]["measured_with"] == "remembering"

    code, printed, _ = run_zoo(capsys, "export", run)
    assert code == 0
    assert (tmp_path / "models" / NAME / "1" / "saved_model.pb").exists(), printed
    model = RECIPES[NAME].import_model_class()
    expected = keras_picture(run, model)
    with running_server(tmp_path / "models", tmp_path / "config") as addresses:
        for address in addresses.values():
            with connect(address) as client:
                (png,) = client.predict(NAME, {"category": [""]}, "remember_png")["image_bytes"]
                with pytest.raises(RowError, match="Unknown category. Received: 'boat'"):
                    client.predict(NAME, {"category": ["", "boat"]}, "remember_png")
            np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), expected)


def keras_picture(run: Path, model_class) -> np.ndarray:
    from training.trained_model import find_run

    model = find_run(run).model
    assert type(model) is model_class
    return np.round(np.clip(model(np.array([0]))[0] * 255, 0, 255)).astype("uint8")


@pytest.mark.slow
def test_it_is_tuned(toy, capsys, small_data_dir, tmp_path):
    where = ["--dataset", "rendered_catalog", "--data-dir", small_data_dir, "--precision", "float32"]
    words = ["--epochs", "1", "--trials", "2", "--study-name", "toy"]
    code, printed, _ = run_zoo(capsys, "tune", NAME, *where, *words)
    assert code == 0
    assert "Best: val_loss" in printed
    options = json.loads((tmp_path / "studies" / "toy" / "best" / "config.json").read_text())
    assert 0 <= options["model_options"]["darkness"] <= 0.1


def test_its_options_stand_in_the_help(toy, capsys):
    code, printed, _ = run_zoo(capsys, "train", NAME, "--help")
    assert code == 0
    assert "Weight of the pictures' own brightness in the loss." in " ".join(printed.split())
    assert NAME in run_zoo(capsys, "train", "--help")[1]


def test_nothing_else_names_it():
    layers = ("zoo", "training", "export", "serving")
    files = [path for layer in layers for path in (REPOSITORY / layer).rglob("*.py")]
    assert len(files) > 250
    assert [path for path in files if NAME in path.read_text()] == []

"""Paths with characters that have a meaning in patterns: the whole way from a training to an answer."""

import numpy as np
import pytest
from served_runs import MODEL_OPTIONS

from export.saved_model.exporter import export_run
from serving.model_server.core.saved_model_session import SavedModelSession
from training.loop.resume import resume_training
from training.loop.trainer import start_training
from training.runs.metrics_log import read_metrics
from zoo.files.unglobbed import unglobbed

NAMES = ["runs[1]", "100%", "a b", "*", "\u00e9\u4e2d", "{x}", "-x", "?", "a\\b"]


@pytest.mark.parametrize("name", NAMES)
def test_a_link_leads_to_the_same_directory(tmp_path, name):
    directory = tmp_path / name
    path = unglobbed(directory)
    directory.mkdir()
    (directory / "file").write_text("text")
    assert (path / "file").read_text() == "text"
    assert not set("*?[]{}\\") & set(str(path))


@pytest.mark.slow
def test_a_run_in_such_a_directory_is_resumed_exported_and_served(make_small_config, tmp_path):
    options = {"image_size": 16, "batch_size": 4, "model_options": MODEL_OPTIONS["fsrcnn"]}
    config = make_small_config("fsrcnn", epochs=1, **options)
    run = start_training(config, tmp_path / "r[1] *%", "\u00e9[a-z]")
    resume_training(run, {"epochs": 2})
    assert len(read_metrics(run / "metrics.jsonl")) == 2
    version = export_run(run, tmp_path / "m[1]")
    session = SavedModelSession(version)
    try:
        images = np.full([1, 4, 5, 3], 7, "uint8")
        inputs = {"images": images}
        enlarged = session.predict(session.signature("upscale"), inputs, decode=np.asarray)["images"]
        assert enlarged.shape == (1, 8, 10, 3)
    finally:
        session.close()

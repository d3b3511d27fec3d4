"""`zoo export promote`: labels that outlive the server, and what it serves by them."""

import concurrent.futures
import multiprocessing

import numpy as np
import pytest
from served_runs import run_zoo, running_server
from serving_models import Linear, save

from export.versions.labels import check_label, promote, read_labels, served_labels
from export.versions.manifest import write_manifest
from export.versions.publish import publish
from serving.client.grpc_client import GrpcClient
from serving.launch.config_files import models_config


def publish_versions(models_dir, num_versions):
    def build(directory):
        (directory / "saved_model.pb").write_bytes(b"graph")
        write_manifest(directory, "dcgan", {"run": "a-run"}, {}, {})

    for _ in range(num_versions):
        publish(build, models_dir, "dcgan")


@pytest.fixture
def models_dir(tmp_path):
    publish_versions(tmp_path / "models", 3)
    return tmp_path / "models"


def served(models_dir):
    """Returns the labels and the version policy that `models.config` would hold."""
    (model,) = models_config(models_dir).model_config_list.config
    return dict(model.version_labels), model.model_version_policy


def test_without_a_file_both_labels_name_the_highest_version(models_dir):
    labels, policy = served(models_dir)
    assert labels == {"stable": 3, "canary": 3}
    assert policy.latest.num_versions == 1


def test_all_versions_of_a_model_with_labels_are_kept_loaded(models_dir):
    assert promote(models_dir, "dcgan", 1, "stable") == {"stable": 1}
    labels, policy = served(models_dir)
    assert labels == {"stable": 1, "canary": 1}
    assert policy.HasField("all")
    publish_versions(models_dir, 2)
    promote(models_dir, "dcgan", 4, "canary")
    promote(models_dir, "dcgan", 1, "winter")
    labels, policy = served(models_dir)
    assert labels == {"stable": 1, "canary": 4, "winter": 1}
    assert policy.HasField("all")


def test_the_first_canary_leaves_stable_where_it_was(models_dir):
    assert promote(models_dir, "dcgan", 3, "canary") == {"canary": 3, "stable": 2}
    assert promote(models_dir, "dcgan", 3, "stable") == {"canary": 3, "stable": 3}


def test_a_server_answers_a_label_with_the_version_promoted_and_rolls_back(capsys, tmp_path):
    models_dir = tmp_path / "models"
    for version in (1, 2, 3):
        linear = Linear(version)
        save(linear, models_dir / "linear" / str(version), serving_default=linear.double)

    def factors():
        with running_server(models_dir, tmp_path / "config") as addresses:
            client = GrpcClient(addresses["grpc"])
            request = {"x": np.ones([1, 4], "float32")}
            answers = [
                client.predict("linear", request, version_label=label) for label in ("stable", "canary", "")
            ]
        return [float(answer["y"][0, 0]) for answer in answers]

    options = ["--models-dir", models_dir]
    code, out, _ = run_zoo(capsys, "export", "promote", "linear", 3, "--label", "canary", *options)
    assert (code, out.splitlines()[:2]) == (0, ["canary: 3", "stable: 2"])
    assert f"zoo serve --models-dir {models_dir}" in out
    assert factors() == [2.0, 3.0, 3.0]
    code, out, _ = run_zoo(capsys, "export", "promote", "linear", 1, "--label", "stable", *options)
    assert (code, out.splitlines()[:2]) == (0, ["canary: 3", "stable: 1  (was 2)"])
    assert factors() == [1.0, 3.0, 3.0]


def test_a_dry_run_tells_the_labels_and_writes_nothing(capsys, models_dir):
    arguments = ["export", "promote", "dcgan", 2, "--label", "canary", "--models-dir", models_dir]
    code, out, _ = run_zoo(capsys, *arguments, "--dry-run")
    assert (code, out.splitlines()) == (0, ["canary: 2", "stable: 3"])
    assert read_labels(models_dir / "dcgan") == {}


def test_a_damaged_version_is_not_promoted(capsys, models_dir):
    (models_dir / "dcgan" / "3" / "saved_model.pb").write_bytes(b"grapn")
    arguments = ["export", "promote", "dcgan", 3, "--label", "stable", "--models-dir", models_dir]
    code, _, error = run_zoo(capsys, *arguments)
    assert code == 1
    assert "must be as it was exported. Received: " in error
    assert read_labels(models_dir / "dcgan") == {}


def test_unknown_models_and_versions_are_answered_with_those_that_exist(capsys, models_dir):
    (models_dir / "dcgan" / "9").mkdir()
    options = ["--label", "stable", "--models-dir", models_dir]
    for version in (9, 12):
        code, _, error = run_zoo(capsys, "export", "promote", "dcgan", version, *options)
        assert code == 1
        assert f"holds a saved_model.pb. Received: version={version}, existing: 1, 2, 3." in error
    code, _, error = run_zoo(capsys, "export", "promote", "srcnn", 1, *options)
    assert code == 1
    assert f"Received: 'srcnn', which has none in '{models_dir}'. Models there: dcgan." in error


@pytest.mark.parametrize("label", ["", "-v", "a/b", "a b", ".hidden", "größe"])
def test_a_label_that_cannot_be_in_a_url_is_wrong_usage(capsys, models_dir, label):
    with pytest.raises(ValueError, match="`--label` must consist of letters, .*Received: label="):
        check_label(label)
    arguments = ["export", "promote", "dcgan", 1, f"--label={label}", "--models-dir", models_dir]
    assert run_zoo(capsys, *arguments)[0] == 2


@pytest.mark.parametrize("text", ["{", "[]", '{"stable": "1"}', '{"stable": true}', '{"stable": 1.5}'])
def test_labels_that_cannot_be_read_are_told_and_not_guessed(models_dir, text):
    (models_dir / "dcgan" / "labels.json").write_text(text)
    for read in (served, lambda models_dir: promote(models_dir, "dcgan", 1, "stable")):
        with pytest.raises(ValueError, match=r"labels.json must map labels to versions, .*Correct the file"):
            read(models_dir)


def test_a_label_without_its_version_is_told_and_not_moved(models_dir):
    (models_dir / "dcgan" / "labels.json").write_text('{"stable": 7}')
    with pytest.raises(
        ValueError,
        match=r"'stable' names 7 in .*existing: 1, 2, 3\. Move .*zoo export promote dcgan 3 --label stable",
    ):
        served_labels(models_dir / "dcgan", [1, 2, 3])


def test_labels_given_at_once_are_all_kept(models_dir):
    with concurrent.futures.ProcessPoolExecutor(4, multiprocessing.get_context("spawn")) as pool:
        labels = [f"label-{number}" for number in range(16)]
        list(pool.map(promote, [models_dir] * 16, ["dcgan"] * 16, [1] * 16, labels))
    assert read_labels(models_dir / "dcgan") == {"stable": 3} | dict.fromkeys(labels, 1)

"""`zoo export prune`: what goes, what never goes, and what a server may see meanwhile."""

import json

import pytest
from served_runs import files_in, run_zoo

from export.versions.labels import promote
from export.versions.prune import prune
from export.versions.publish import publish, taken_numbers


@pytest.fixture
def models_dir(tmp_path):
    """Versions 1 to 6 of one model, and 1 and 2 of another; each of 1,500,000 bytes."""

    def build(directory):
        (directory / "saved_model.pb").write_bytes(bytes(1_000_000))
        (directory / "variables").mkdir()
        (directory / "variables" / "variables.index").write_bytes(bytes(500_000))

    for model_name in ["dcgan"] * 6 + ["srcnn_x2"] * 2:
        publish(build, tmp_path / "models", model_name)
    return tmp_path / "models"


def test_old_versions_go_and_what_they_free_is_told(capsys, models_dir):
    code, out, _ = run_zoo(capsys, "export", "prune", "--keep", 3, "--models-dir", models_dir)
    assert code == 0
    assert out.splitlines() == [
        *[f"Removed: {models_dir}/dcgan/{version}  1.50 MB" for version in (1, 2, 3)],
        "Freed: 4.50 MB",
    ]
    assert sorted(entry.name for entry in (models_dir / "dcgan").iterdir()) == ["4", "5", "6"]
    assert taken_numbers(models_dir / "srcnn_x2") == [1, 2]


def test_labelled_versions_stay_beside_those_kept(models_dir):
    promote(models_dir, "dcgan", 2, "stable")
    promote(models_dir, "dcgan", 4, "canary")
    removals = prune(models_dir, "dcgan", keep=1)
    assert [removal.version_dir.name for removal in removals] == ["1", "3", "5"]
    assert taken_numbers(models_dir / "dcgan") == [2, 4, 6]
    assert prune(models_dir, "dcgan", keep=1) == []


def test_the_highest_that_can_be_served_stays_whatever_stands_above_it(models_dir):
    (models_dir / "dcgan" / "9").mkdir()
    prune(models_dir, "dcgan", keep=1)
    assert taken_numbers(models_dir / "dcgan") == [6, 9]


def test_one_model_alone_and_a_dry_run(capsys, models_dir):
    before = files_in(models_dir)
    arguments = ["export", "prune", "--keep", 1, "--models-dir", models_dir, "--model-name", "srcnn_x2"]
    code, out, _ = run_zoo(capsys, *arguments, "--dry-run")
    expected = [f"Would remove: {models_dir}/srcnn_x2/1  1.50 MB", "Would free: 1.50 MB"]
    assert (code, out.splitlines()) == (0, expected)
    assert files_in(models_dir) == before
    assert run_zoo(capsys, *arguments)[0] == 0
    assert taken_numbers(models_dir / "srcnn_x2") == [2]
    assert taken_numbers(models_dir / "dcgan") == [1, 2, 3, 4, 5, 6]


def test_nothing_is_removed_while_the_labels_cannot_be_read(models_dir):
    (models_dir / "dcgan" / "labels.json").write_text(json.dumps({"stable": "2"}))
    with pytest.raises(ValueError, match=r"labels.json must map labels to versions"):
        prune(models_dir, "dcgan", keep=1)
    assert taken_numbers(models_dir / "dcgan") == [1, 2, 3, 4, 5, 6]


def test_what_a_killed_prune_left_is_removed(models_dir):
    (models_dir / "dcgan" / "1").rename(models_dir / "dcgan" / ".removed-0123")
    prune(models_dir, "dcgan", keep=5)
    assert sorted(entry.name for entry in (models_dir / "dcgan").iterdir()) == ["2", "3", "4", "5", "6"]


@pytest.mark.parametrize("keep", [0, -1])
def test_no_version_at_all_cannot_be_asked_for(capsys, models_dir, keep):
    with pytest.raises(ValueError, match=f"because the highest version is never.* Received: keep={keep}"):
        prune(models_dir, "dcgan", keep)
    assert run_zoo(capsys, "export", "prune", f"--keep={keep}", "--models-dir", models_dir)[0] == 2


@pytest.mark.parametrize("name", ["..", "a/b"])
def test_no_directory_beside_the_models_is_pruned(models_dir, name):
    with pytest.raises(ValueError, match="`--model-name` must consist of"):
        prune(models_dir, name, keep=1)


def test_an_unknown_model_is_answered_with_those_that_exist(capsys, models_dir):
    arguments = ["export", "prune", "--keep", 1, "--models-dir", models_dir, "--model-name", "srcnn"]
    code, _, error = run_zoo(capsys, *arguments)
    assert code == 1
    assert "Models there: dcgan, srcnn_x2." in error


def test_a_directory_that_is_not_there_is_no_success(capsys, tmp_path):
    code, out, error = run_zoo(capsys, "export", "prune", "--keep", 1, "--models-dir", tmp_path / "modles")
    assert (code, out) == (1, "")
    assert "The models directory must exist. Received: models_dir=" in error
    assert "modles" in error

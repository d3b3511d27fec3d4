"""`zoo export verify`: every file of every version, and each that is not as it was exported by its name."""

import shutil

import pytest
from served_runs import run_zoo

from export.versions.manifest import MANIFEST, write_manifest
from export.versions.publish import publish


@pytest.fixture
def models_dir(tmp_path):
    """Two versions of one model and one of another, each of three files."""

    def build(directory):
        (directory / "saved_model.pb").write_bytes(b"graph")
        (directory / "variables").mkdir()
        for name in ("variables.index", "variables.data-00000-of-00001"):
            (directory / "variables" / name).write_bytes(b"weights")
        write_manifest(directory, "dcgan", {"run": "a-run"}, {}, {})

    for model_name in ("dcgan", "dcgan", "srcnn_x2"):
        publish(build, tmp_path / "models", model_name)
    return tmp_path / "models"


def test_whole_versions_pass(capsys, models_dir):
    (models_dir / "srcnn_x2" / ".unfinished-1").mkdir()
    (models_dir / "srcnn_x2" / "labels.json").write_text('{"stable": 1}')
    code, out, _ = run_zoo(capsys, "export", "verify", "--models-dir", models_dir)
    assert code == 0
    names = ("dcgan/1", "dcgan/2", "srcnn_x2/1")
    assert out.splitlines() == [f"{models_dir}/{name}: as it was exported" for name in names]


def test_every_damaged_missing_and_extra_file_is_named(capsys, models_dir):
    version_dir = models_dir / "dcgan" / "2"
    (version_dir / "saved_model.pb").write_bytes(b"grapn")
    (version_dir / "variables" / "variables.index").unlink()
    (version_dir / "variables" / "variables.data-00000-of-00001").unlink()
    (version_dir / "variables" / "variables.index~").write_bytes(b"weights")
    code, out, error = run_zoo(capsys, "export", "verify", "--models-dir", models_dir)
    assert code == 1
    assert out.splitlines()[1] == (
        f"{version_dir}: damaged: saved_model.pb; missing: variables/variables.data-00000-of-00001, "
        "variables/variables.index; extra: variables/variables.index~"
    )
    assert f"Received: 1 of 3 that do not: {version_dir}. Copy or export them again." in error


def test_only_the_versions_named_are_checked(capsys, models_dir):
    (models_dir / "dcgan" / "1" / "saved_model.pb").unlink()
    assert run_zoo(capsys, "export", "verify", models_dir / "dcgan" / "2")[0] == 0
    good, bad = models_dir / "dcgan" / "2", models_dir / "dcgan" / "1"
    code, out, _ = run_zoo(capsys, "export", "verify", good, bad)
    assert (code, out) == (1, f"{good}: as it was exported\n{bad}: missing: saved_model.pb\n")


def break_manifest(version_dir):
    (version_dir / MANIFEST).write_text("{")


def make_file(version_dir):
    shutil.rmtree(version_dir)
    version_dir.write_text("no directory")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda version_dir: (version_dir / MANIFEST).unlink(),
            "no assets.extra/manifest.json, so its files cannot",
        ),
        (break_manifest, "assets.extra/manifest.json must be as `zoo export` wrote it."),
        (make_file, "not a directory"),
    ],
)
def test_a_version_that_cannot_be_checked_is_named(capsys, models_dir, change, problem):
    change(models_dir / "srcnn_x2" / "1")
    code, out, error = run_zoo(capsys, "export", "verify", "--models-dir", models_dir)
    assert code == 1
    assert f"{models_dir}/srcnn_x2/1: {problem}" in out
    assert "Received: 1 of 3 that do not" in error


def test_a_padded_number_counts_too_because_tf_serving_reads_it(capsys, models_dir):
    shutil.copytree(models_dir / "dcgan" / "1", models_dir / "dcgan" / "007")
    (models_dir / "dcgan" / "007" / "saved_model.pb").unlink()
    code, out, _ = run_zoo(capsys, "export", "verify", "--models-dir", models_dir)
    assert code == 1
    problems = (
        "missing: saved_model.pb; its name: TF Serving loads it as version 7, but `zoo` ignores it; rename"
    )
    assert f"{models_dir}/dcgan/007: {problems} it to 7" in out


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("02", "as version 2, but `zoo` ignores it; rename it to 2"),
        ("0", "as version 0, but `zoo` ignores it; give"),
    ],
)
def test_a_version_that_only_tf_serving_loads_is_named_although_it_is_whole(capsys, models_dir, name, advice):
    shutil.copytree(models_dir / "dcgan" / "1", models_dir / "dcgan" / name)
    code, out, _ = run_zoo(capsys, "export", "verify", "--models-dir", models_dir)
    assert code == 1
    assert f"{models_dir}/dcgan/{name}: its name: TF Serving loads it {advice}" in out


def test_a_directory_without_versions_is_told(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, error = run_zoo(capsys, "export", "verify")
    assert code == 1
    assert "must hold at least one MODEL/VERSION directory. Received: models_dir='models'." in error


def test_a_run_that_is_called_verify_is_still_exported(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "verify").mkdir()
    code, _, error = run_zoo(capsys, "export", "./verify")
    assert code == 1
    assert "A run directory must contain config.json. Received: verify" in error

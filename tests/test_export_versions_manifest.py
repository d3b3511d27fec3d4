"""The manifest names every file and notices every change."""

import hashlib
import json
import re
import subprocess
import sys
from importlib import metadata

import pytest
import tensorflow as tf

from export.versions.manifest import MANIFEST, check_manifest, read_manifest, read_signatures, write_manifest

SIGNATURES = {"generate": {"inputs": {}, "outputs": {}}}


@pytest.fixture
def version_dir(tmp_path):
    (tmp_path / "variables").mkdir()
    (tmp_path / "assets").mkdir()
    (tmp_path / "saved_model.pb").write_bytes(b"graph")
    (tmp_path / "variables" / "variables.index").write_bytes(b"weights")
    write_manifest(tmp_path, "dcgan", {"run": "a-run"}, SIGNATURES, {"recall": 0.5})
    return tmp_path


def test_manifest_tells_what_the_version_is(version_dir):
    manifest = read_manifest(version_dir)
    assert manifest["model"] == "dcgan"
    assert manifest["run"] == "a-run"
    assert manifest["signatures"] == SIGNATURES
    assert manifest["scores"] == {"recall": 0.5}
    assert manifest["versions"]["tensorflow"] == metadata.version("tensorflow")
    assert manifest["git_commit"] is None or re.fullmatch("[0-9a-f]{40}(-dirty)?", manifest["git_commit"])
    assert manifest["sha256"] == {
        "saved_model.pb": hashlib.sha256(b"graph").hexdigest(),
        "variables/variables.index": hashlib.sha256(b"weights").hexdigest(),
    }


def test_untouched_version_passes(version_dir):
    assert check_manifest(version_dir) == read_manifest(version_dir)


def test_damaged_file_is_named_with_both_checksums(version_dir):
    (version_dir / "saved_model.pb").write_bytes(b"grapn")
    found, expected = (hashlib.sha256(content).hexdigest() for content in (b"grapn", b"graph"))
    with pytest.raises(
        ValueError,
        match=f"must be as it was exported.*saved_model.pb with sha256={found}, expected sha256={expected}",
    ):
        check_manifest(version_dir)


def test_missing_file_is_named(version_dir):
    (version_dir / "variables" / "variables.index").unlink()
    expected = hashlib.sha256(b"weights").hexdigest()
    with pytest.raises(
        ValueError, match=f"variables.index with sha256=no such file, expected sha256={expected}. Copy"
    ):
        check_manifest(version_dir)


def test_additional_file_is_named(version_dir):
    (version_dir / "assets" / "notes.txt").write_bytes(b"")
    with pytest.raises(
        ValueError, match="assets/notes.txt with sha256=e3b0c.*, expected sha256=no such file"
    ):
        check_manifest(version_dir)


def test_version_without_manifest_is_told(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="must hold assets.extra/manifest.json. Received: version_dir="
    ):
        check_manifest(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"), [("{", "Expecting"), ("[]", "`sha256`"), ('{"sha256": 1}', "`sha256`")]
)
def test_unreadable_manifest_is_told(version_dir, text, reason):
    (version_dir / MANIFEST).write_text(text)
    with pytest.raises(ValueError, match=f"must be as `zoo export` wrote it. Received: .*{reason}"):
        check_manifest(version_dir)


def test_signatures_are_read_from_a_saved_model(tmp_path):
    class Model(tf.Module):
        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None, None, 3], tf.uint8, name="images"),
                tf.TensorSpec([None], tf.string, name="category"),
            ]
        )
        def edit(self, images, category):
            return {"images": tf.identity(images), "error": tf.identity(category)}

    model = Model()
    tf.saved_model.save(model, str(tmp_path), signatures={"edit": model.edit})
    signatures = read_signatures(tmp_path)
    assert json.loads(json.dumps(signatures)) == signatures
    assert signatures["edit"] == {
        "inputs": {
            "category": {"dtype": "string", "shape": [None]},
            "images": {"dtype": "uint8", "shape": [None, None, None, 3]},
        },
        "outputs": {
            "error": {"dtype": "string", "shape": [None]},
            "images": {"dtype": "uint8", "shape": [None, None, None, 3]},
        },
    }
    assert set(signatures) == {"edit"}


def test_checking_imports_no_tensorflow(version_dir):
    program = (
        "import sys; from pathlib import Path; from export.versions.manifest import check_manifest; "
        "check_manifest(Path(sys.argv[1])); sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(version_dir)], check=False).returncode == 0

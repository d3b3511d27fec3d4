"""Which names are versions: by this project's rule, as TF Serving reads them, and in every scanner alike."""

import subprocess
import sys

import pytest

from export.versions.publish import publish, taken_numbers
from export.versions.verify import find_version_dirs
from export.versions.version_dirs import LARGEST_VERSION, find_versions, servable_versions, version_number
from serving.launch.config_files import find_models
from serving.model_server.core import model_versions

# Name, the version that it is to this project, and the one that it is to TF Serving.
NAMES = [
    ("1", 1, 1),
    ("10", 10, 10),
    ("003", None, 3),
    ("0", None, 0),
    ("-1", None, -1),
    ("+7", None, 7),
    (" 5 ", None, 5),
    ("v1", None, None),
    ("1.0", None, None),
    ("1.tmp", None, None),
    ("1_000", None, None),
    ("1e3", None, None),
    ("0x1", None, None),
    ("٣", None, None),
    ("³", None, None),
    ("--1", None, None),
    ("- 1", None, None),
    (" ", None, None),
    (str(LARGEST_VERSION), LARGEST_VERSION, LARGEST_VERSION),
    (str(2**63), None, None),
    (str(-(2**63)), None, -(2**63)),
    (str(-(2**63) - 1), None, None),
    ("0" * 200 + "6", None, 6),
    (".unfinished-1", None, None),
    (".removed-1", None, None),
    ("labels.json", None, None),
]


@pytest.mark.parametrize(("name", "own", "of_tf_serving"), NAMES)
def test_what_a_name_is(name, own, of_tf_serving):
    assert version_number(name) == own
    assert version_number(name, as_tf_serving_reads=True) == of_tf_serving


@pytest.fixture
def model_dir(tmp_path):
    """A model whose directory holds every name of the table, each with a graph, and a file named `4`."""
    directory = tmp_path / "models" / "dcgan"
    for name, _, _ in NAMES:
        (directory / name).mkdir(parents=True)
        (directory / name / "saved_model.pb").touch()
    (directory / "4").write_text("a file")
    return directory


def test_what_this_project_serves_labels_and_prunes(model_dir):
    own = [1, 10, LARGEST_VERSION]
    assert find_versions(model_dir) == [(number, model_dir / str(number)) for number in own]
    assert servable_versions(model_dir) == own
    assert find_models(model_dir.parent) == {"dcgan": own}


def test_what_the_server_loads_verify_looks_at_and_an_exporter_passes_over(model_dir):
    expected = {number: model_dir / name for name, _, number in NAMES if number is not None}
    expected[4] = model_dir / "4"
    assert model_versions.find_versions(model_dir) == dict(sorted(expected.items()))
    assert find_version_dirs(model_dir.parent) == [path for _, path in sorted(expected.items())]
    assert taken_numbers(model_dir) == sorted(expected)


def test_a_directory_without_a_graph_is_taken_but_not_served(tmp_path):
    (tmp_path / "3").mkdir()
    assert find_versions(tmp_path) == [(3, tmp_path / "3")]
    assert servable_versions(tmp_path) == []
    assert servable_versions(tmp_path / "missing") == []
    with pytest.raises(FileNotFoundError):
        find_versions(tmp_path / "missing")


def test_of_two_entries_of_one_number_both_are_found_and_the_last_name_is_loaded(tmp_path, caplog):
    for name in ("0001", "1", "01"):
        (tmp_path / name).mkdir()
    found = find_versions(tmp_path, as_tf_serving_reads=True)
    assert found == [(1, tmp_path / name) for name in ("0001", "01", "1")]
    assert model_versions.find_versions(tmp_path) == {1: tmp_path / "1"}
    assert f"Duplicate version 1 in {tmp_path}: 1 is used." in caplog.text


def test_below_1_there_is_no_next_version(tmp_path):
    (tmp_path / "dcgan" / "-5").mkdir(parents=True)
    version_dir = publish(lambda directory: (directory / "saved_model.pb").touch(), tmp_path, "dcgan")
    assert version_dir.name == "1"


def test_names_are_read_without_tensorflow():
    program = (
        "import sys, export.versions.version_dirs\n"
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'numpy', 'keras', 'grpc')))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0

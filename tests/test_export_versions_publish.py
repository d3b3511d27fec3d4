"""Publishing of version directories, including by processes that are killed on the way."""

import errno
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from export.versions.manifest import check_manifest
from export.versions.publish import check_model_name, publish, taken_numbers

# Publishes version after version, each of thirty files and a manifest, and says when it begins.
PUBLISHER = """
import sys
from pathlib import Path
from export.versions.manifest import write_manifest
from export.versions.publish import publish

def build(directory):
    (directory / "variables").mkdir()
    for index in range(30):
        (directory / "variables" / str(index)).write_bytes(bytes([index]) * 5000)
    write_manifest(directory, "dcgan", {"run": "a-run"}, {}, {})

print("ready", flush=True)
for _ in range(int(sys.argv[2])):
    publish(build, sys.argv[1], "dcgan")
"""


def start_publisher(models_dir, num_versions):
    command = [sys.executable, "-c", PUBLISHER, str(models_dir), str(num_versions)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def build(directory):
    (directory / "saved_model.pb").write_bytes(b"graph")
    (directory / "assets.extra").mkdir()


def children(directory):
    return sorted(path.name for path in directory.iterdir())


def test_version_appears_under_the_next_number(tmp_path):
    first = publish(build, tmp_path, "dcgan")
    assert first == tmp_path / "dcgan" / "1"
    assert (first / "saved_model.pb").read_bytes() == b"graph"
    assert publish(build, tmp_path, "dcgan", version=7).name == "7"
    assert publish(build, tmp_path, "dcgan").name == "8"
    assert children(tmp_path / "dcgan") == ["1", "7", "8"]


def test_numbers_are_read_as_tf_serving_reads_them(tmp_path):
    for name in ("0005", "12", "1.tmp", "latest", "9" * 30):
        (tmp_path / "dcgan" / name).mkdir(parents=True)
    (tmp_path / "dcgan" / "13").write_text("a file counts too")
    assert taken_numbers(tmp_path / "dcgan") == [5, 12, 13]
    assert taken_numbers(tmp_path / "srcnn_x2") == []
    assert publish(build, tmp_path, "dcgan").name == "14"


def test_version_can_be_read_by_other_users(tmp_path):
    umask = os.umask(0o022)
    try:
        version_dir = publish(build, tmp_path, "dcgan")
    finally:
        os.umask(umask)
    assert version_dir.stat().st_mode & 0o777 == 0o755


def test_nothing_has_a_number_while_it_is_built(tmp_path):
    seen = []

    def build_and_look(directory):
        build(directory)
        seen.extend(children(tmp_path / "dcgan"))
        assert directory.parent == tmp_path / "dcgan"

    publish(build_and_look, tmp_path, "dcgan")
    assert len(seen) == 1
    assert seen[0].startswith(".unfinished-")


def test_existing_version_is_refused_before_anything_is_built(tmp_path):
    publish(build, tmp_path, "dcgan", version=3)
    for version in (3, 5):
        (tmp_path / "dcgan" / "0005").mkdir(exist_ok=True)
        with pytest.raises(
            ValueError, match=f"`--version` must not exist yet.*version={version}, existing: 3.*to get"
        ):
            publish(lambda directory: pytest.fail("built"), tmp_path, "dcgan", version=version)


def test_version_taken_while_it_was_built_is_refused(tmp_path):
    def build_late(directory):
        build(directory)
        publish(build, tmp_path, "dcgan", version=3)

    with pytest.raises(ValueError, match="`--version` must not exist yet.*version=3"):
        publish(build_late, tmp_path, "dcgan", version=3)
    assert children(tmp_path / "dcgan") == ["3"]


def test_next_number_taken_while_it_was_built_is_passed_over(tmp_path):
    def build_late(directory):
        build(directory)
        publish(build, tmp_path, "dcgan")
        (tmp_path / "dcgan" / "2").write_text("a file")

    assert publish(build_late, tmp_path, "dcgan").name == "3"
    assert children(tmp_path / "dcgan") == ["1", "2", "3"]


@pytest.mark.parametrize("version", [0, -1, 2**63])
def test_impossible_version_is_refused(tmp_path, version):
    with pytest.raises(ValueError, match=f"`--version` must be a positive.*Received: version={version}"):
        publish(build, tmp_path, "dcgan", version=version)


@pytest.mark.parametrize("model_name", ["", ".", "..", ".hidden", "a/b", "a:b", "-v", "a b", "größe", "a\n"])
def test_impossible_model_name_is_refused(tmp_path, model_name):
    with pytest.raises(ValueError, match="`--model-name` must consist of letters, .*Received: model_name="):
        publish(build, tmp_path, model_name)
    assert children(tmp_path) == []


def test_refused_model_name_comes_with_one_that_is_allowed():
    with pytest.raises(ValueError, match="Try: srcnn_x2.$"):
        check_model_name("srcnn:x2")


def test_failed_build_leaves_nothing(tmp_path):
    def fail(directory):
        build(directory)
        raise RuntimeError("the outputs differ")

    with pytest.raises(RuntimeError, match="the outputs differ"):
        publish(fail, tmp_path, "dcgan")
    assert children(tmp_path) == []


def test_empty_build_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`build` must write the version's files. Received: an empty"):
        publish(lambda directory: None, tmp_path, "dcgan")
    assert children(tmp_path) == []


def test_full_disk_is_told_and_leaves_nothing(tmp_path):
    def fill(directory):
        build(directory)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    message = "`--models-dir` must be writable and have room.*nothing was published.*No space left"
    with pytest.raises(OSError, match=message):
        publish(fill, tmp_path, "dcgan")
    assert children(tmp_path) == []


def test_models_dir_that_is_a_file_is_told(tmp_path):
    (tmp_path / "models").write_text("a file")
    with pytest.raises(OSError, match="`--models-dir` must be writable and have room.*models'"):
        publish(build, tmp_path / "models", "dcgan")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_models_dir_is_told(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(OSError, match="`--models-dir` must be writable and have room.*Permission denied"):
        publish(build, tmp_path, "dcgan")


def test_unfinished_version_of_a_living_exporter_is_left_alone(tmp_path):
    def build_beside_another(directory):
        build(directory)
        publish(build, tmp_path, "dcgan")
        assert (directory / "saved_model.pb").exists()

    assert publish(build_beside_another, tmp_path, "dcgan").name == "2"


def test_killed_exporter_leaves_no_number_and_the_next_one_cleans_up(tmp_path):
    sleeping = (
        "import sys, time; from export.versions.publish import publish\n"
        "def build(directory):\n"
        "    (directory / 'saved_model.pb').write_bytes(b'half')\n"
        "    print('building', flush=True)\n"
        "    time.sleep(60)\n"
        "publish(build, sys.argv[1], 'dcgan')"
    )
    process = subprocess.Popen([sys.executable, "-c", sleeping, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"building\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert taken_numbers(tmp_path / "dcgan") == []
    assert len(children(tmp_path / "dcgan")) == 1
    assert publish(build, tmp_path, "dcgan").name == "1"
    assert children(tmp_path / "dcgan") == ["1"]


def test_every_number_is_whole_wherever_the_exporter_is_killed(tmp_path):
    waits = random.Random(0)
    for _ in range(12):
        process = start_publisher(tmp_path, num_versions=1000)
        time.sleep(waits.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    versions = taken_numbers(tmp_path / "dcgan")
    assert versions == list(range(1, len(versions) + 1))
    for version in versions:
        assert len(check_manifest(tmp_path / "dcgan" / str(version))["sha256"]) == 30
    publish(build, tmp_path, "dcgan")
    assert not [name for name in children(tmp_path / "dcgan") if not name.isdigit()]


def test_exporters_at_once_never_take_the_same_number(tmp_path):
    processes = [start_publisher(tmp_path, num_versions=8) for _ in range(4)]
    for process in processes:
        assert process.wait() == 0
        process.stdout.close()
    assert taken_numbers(tmp_path / "dcgan") == list(range(1, 33))
    assert len(children(tmp_path / "dcgan")) == 32
    for version in range(1, 33):
        check_manifest(tmp_path / "dcgan" / str(version))

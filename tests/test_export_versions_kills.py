"""`kill -9` before every single line that publishing, promoting and pruning run, and what is left then."""

import json
import subprocess
import sys

import pytest

# For one line after the other: forks a child that does the job and kills itself before that line, looks at
# what is left, and does the job again. Ends with the first child that reaches the end.
DRIVER = """
import json, os, pathlib, shutil, signal, sys, uuid
from export.versions import labels, manifest, prune, publish

def build(directory):
    (directory / "variables").mkdir()
    for name in ("saved_model.pb", "variables/variables.index"):
        (directory / name).write_bytes(name.encode() * 9)
    manifest.write_manifest(directory, "dcgan", {"run": "a-run"}, {}, {})

JOBS = {
    "publish": lambda directory: publish.publish(build, directory, "dcgan"),
    "promote": lambda directory: labels.promote(directory, "dcgan", 2, "stable"),
    "prune": lambda directory: prune.prune(directory, "dcgan", keep=1),
}
OURS = ("publish.py", "file_lock.py", "atomic_write.py", "manifest.py", "labels.py", "prune.py")
TRACED = (*OURS, "shutil.py", "<string>")

def kill_before_line(number):
    def trace(frame, event, argument):
        nonlocal number
        if not frame.f_code.co_filename.endswith(TRACED):
            return None
        if event == "line":
            number -= 1
            if number < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)

def state(model_dir):
    versions = publish.taken_numbers(model_dir)
    for version in versions:
        manifest.check_manifest(model_dir / str(version))
    hidden = {path.name.split("-")[0] for path in model_dir.glob(".*")} if model_dir.is_dir() else set()
    return {"versions": versions, "labels": labels.read_labels(model_dir), "hidden": sorted(hidden)}

job, original, copy = JOBS[sys.argv[1]], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
manifest.git_commit = lambda: None  # a process of its own, which takes long to start
os.fsync = lambda descriptor: None  # the machine stays on, and the disk takes its time
sys.stdout.reconfigure(line_buffering=True)
was_killed, number = True, 0
while was_killed:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(original, copy)
    child = os.fork()
    if child == 0:
        kill_before_line(number)
        job(copy)
        os._exit(0)
    was_killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    left = state(copy / "dcgan")
    job(copy)
    print(json.dumps([left, state(copy / "dcgan")]))
    number += 1
"""


@pytest.fixture
def models_dir(tmp_path):
    """Three versions, of which the first is stable."""
    program = DRIVER.split("job, original")[0]
    program += (
        "directory = pathlib.Path(sys.argv[1])\n"
        "for _ in range(3): JOBS['publish'](directory)\n"
        "labels.promote(directory, 'dcgan', 1, 'stable')"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "models"], check=True)
    return tmp_path / "models"


def run_driver(job, models_dir, tmp_path):
    """Returns what every killed child left, and what the job made of it afterwards."""
    command = [sys.executable, "-c", DRIVER, job, models_dir, tmp_path / "copy"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    left, repaired = zip(*map(json.loads, done.stdout.splitlines()), strict=True)
    assert len(left) > 50
    return left, repaired


@pytest.mark.slow
def test_a_version_is_published_whole_or_not_at_all(models_dir, tmp_path):
    left, repaired = run_driver("publish", models_dir, tmp_path)
    found = [state["versions"] for state in left]
    assert found == sorted(found)
    assert {tuple(versions) for versions in found} == {(1, 2, 3), (1, 2, 3, 4)}
    assert any(".unfinished" in state["hidden"] for state in left)
    for before, after in zip(left, repaired, strict=True):
        assert after["versions"] == [*before["versions"], len(before["versions"]) + 1]
        assert after["hidden"] == []
        assert before["labels"] == after["labels"] == {"stable": 1}


def test_a_label_names_the_old_version_or_the_new_one(models_dir, tmp_path):
    left, repaired = run_driver("promote", models_dir, tmp_path)
    found = [state["labels"]["stable"] for state in left]
    assert found == sorted(found)
    assert set(found) == {1, 2}
    for state in (*left, *repaired):
        assert state["versions"] == [1, 2, 3]
    assert all(state["labels"] == {"stable": 2} and state["hidden"] == [] for state in repaired)


def test_a_version_is_pruned_whole_or_not_at_all(models_dir, tmp_path):
    left, repaired = run_driver("prune", models_dir, tmp_path)
    assert {tuple(state["versions"]) for state in left} == {(1, 2, 3), (1, 3)}
    assert any(".removed" in state["hidden"] for state in left)
    for state in repaired:
        assert state == {"versions": [1, 3], "labels": {"stable": 1}, "hidden": []}

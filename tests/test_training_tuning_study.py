"""The study directory: its copy of the best trial's run is complete at any moment."""

import json
import subprocess
import sys

import pytest

# For one line after the other: forks a child that copies the best run and kills itself before that line.
DRIVER = """
import json, os, shutil, signal, sys, types
from pathlib import Path
from training.tuning.study import Study

def write_run(directory, content):
    for name in ("config.json", "model.keras", "samples/epoch-0001.png", "checkpoints/ckpt-1.index"):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return directory

def kill_before_line(number):
    def trace(frame, event, argument):
        nonlocal number
        if not frame.f_code.co_filename.endswith(("atomic_write.py", "study.py")):
            return None
        if event == "line":
            number -= 1
            if number < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)

def state(study):
    files = sorted(path for path in (study.directory / "best").rglob("*") if path.is_file())
    return [str(path.relative_to(study.directory / "best")) for path in files], [p.read_text() for p in files]

parent = Path(sys.argv[1])
old, new = write_run(parent / "old", "old"), write_run(parent / "new", "new")
os.fsync = lambda descriptor: None  # the machine stays on, and the disk takes its time
was_killed, number = True, 0
while was_killed:
    study = types.SimpleNamespace(directory=parent / "study")
    shutil.rmtree(study.directory, ignore_errors=True)
    study.directory.mkdir()
    Study._copy_best(study, old)
    child = os.fork()
    if child == 0:
        kill_before_line(number)
        Study._copy_best(study, new)
        os._exit(0)
    was_killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    left = state(study)
    Study._copy_best(study, new)
    print(json.dumps([left, state(study), os.listdir(study.directory)]))
    number += 1
"""


@pytest.mark.slow
def test_a_kill_while_the_best_run_is_copied_leaves_the_old_one_or_the_new_one(tmp_path):
    done = subprocess.run([sys.executable, "-c", DRIVER, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    states = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(states) > 20
    names = ["config.json", "model.keras", "samples/epoch-0001.png"]
    assert all(left[0] == names for left, _, _ in states)
    contents = [left[1] for left, _, _ in states]
    assert contents == sorted(contents, reverse=True)
    assert {tuple(content) for content in contents} == {("old",) * 3, ("new",) * 3}
    assert all(repaired == [names, ["new"] * 3] for _, repaired, _ in states)
    assert all(entries == ["best"] for _, _, entries in states)

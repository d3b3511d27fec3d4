"""The lock of a run: one trainer at a time, even after the last one was killed."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from training.loop.resume import resume_training
from training.loop.trainer import start_training
from training.runs.run_lock import RunInUseError, locked_run

HOLD = (
    "import sys; from pathlib import Path; from training.runs.run_lock import locked_run\n"
    "with locked_run(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of `tmp_path`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_run_that_another_process_trains_is_refused_with_its_number_and_host(holder, tmp_path):
    message = (
        f"Received: {tmp_path}, which is being trained by process {holder.pid} on {socket.gethostname()}. "
        f"Wait for it to end, or stop it with SIGTERM, which saves; then: zoo train --resume {tmp_path}"
    )
    with pytest.raises(RunInUseError, match=re.escape(message)), locked_run(tmp_path):
        pass
    holder.communicate()
    with locked_run(tmp_path):
        assert os.listdir(tmp_path) == ["training.lock"]
    assert os.listdir(tmp_path) == []


def test_a_process_that_was_killed_holds_nothing(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert os.listdir(tmp_path) == ["training.lock"]
    with locked_run(tmp_path):
        assert (tmp_path / "training.lock").read_text().startswith(f"process {os.getpid()} on ")
    assert os.listdir(tmp_path) == []


class ResumingInVain(keras.callbacks.Callback):
    """Resumes the run while it is being trained."""

    def __init__(self, run):
        super().__init__()
        self.run = run
        self.num_refusals = 0

    def on_train_begin(self, logs=None):
        with pytest.raises(RunInUseError, match=f"being trained by process {os.getpid()} on "):
            resume_training(self.run)
        self.num_refusals += 1


@pytest.mark.slow
def test_whoever_starts_or_resumes_a_run_holds_its_lock(make_small_config, tmp_path):
    run = tmp_path / "run"
    second = ResumingInVain(run)
    start_training(make_small_config("srcnn", epochs=1), tmp_path, "run", callbacks=[second])
    resume_training(run, {"epochs": 2}, callbacks=[second])
    assert second.num_refusals == 2
    assert not (run / "training.lock").exists()

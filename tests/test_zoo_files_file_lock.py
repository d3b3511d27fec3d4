"""File locks: one holder at a time, waiting, refusal, and release after a process was killed."""

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from zoo.files import file_lock as module
from zoo.files.file_lock import directory_lock, file_lock

HOLD = (
    "import sys; from pathlib import Path; from zoo.files.file_lock import {0}\n"
    "with {0}(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)
LOCKS = {file_lock: "work.lock", directory_lock: "work"}


@pytest.fixture(params=LOCKS, ids=lambda lock: lock.__name__)
def lock(request, tmp_path):
    """A lock and its path."""
    path = tmp_path / LOCKS[request.param]
    if request.param is directory_lock:
        path.mkdir()
    return request.param, path


@contextlib.contextmanager
def holder(lock, path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(lock.__name__), str(path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout.readline() == b"held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


class RefusedError(Exception):
    pass


def refuse(holder):
    raise RefusedError(holder)


def test_whoever_does_not_wait_is_told_who_holds_it(lock):
    take, path = lock
    with holder(take, path) as process:
        with pytest.raises(RefusedError) as refused, take(path, on_held=refuse):
            pass
        named = f"process {process.pid} on {socket.gethostname()}"
        assert str(refused.value) == (named if take is file_lock else "another process")
        process.communicate()
        with take(path, on_held=refuse):
            pass


def test_a_killed_process_holds_nothing(lock):
    take, path = lock
    with holder(take, path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with take(path, on_held=refuse):
            pass


def test_whoever_waits_comes_next_and_is_told_once(lock):
    take, path = lock
    told, order = [], []

    def wait():
        with take(path, on_held=told.append):
            order.append("second")

    with take(path):
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(timeout=0.3)
        assert thread.is_alive()
        order.append("first")
    thread.join(timeout=20)
    assert order == ["first", "second"]
    assert len(told) == 1


def test_a_file_says_who_holds_it(tmp_path):
    (tmp_path / "a.lock").write_text("process 1 on a host with a long name that is gone")
    with file_lock(tmp_path / "a.lock"):
        said = (tmp_path / "a.lock").read_text()
    assert said == f"process {os.getpid()} on {socket.gethostname()}\n"


def test_a_file_that_its_holder_removes_is_made_anew_by_who_waits(tmp_path):
    path, held = tmp_path / "a.lock", threading.Event()

    def wait():
        with file_lock(path, on_held=lambda holder: held.set()):
            assert path.exists()

    with file_lock(path):
        thread = threading.Thread(target=wait)
        thread.start()
        assert held.wait(20)
        path.unlink()
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert path.exists()


def test_a_directory_that_is_gone_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError), directory_lock(tmp_path / "gone"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_its_holder_renames_is_gone_for_who_waits(tmp_path):
    path, failed, held = tmp_path / "work", [], threading.Event()
    path.mkdir()

    def wait():
        try:
            with directory_lock(path, on_held=lambda holder: held.set()):
                pass
        except FileNotFoundError as error:
            failed.append(error)

    with directory_lock(path):
        thread = threading.Thread(target=wait)
        thread.start()
        assert held.wait(20)
        path.rename(tmp_path / "7")
    thread.join(timeout=20)
    assert len(failed) == 1


def test_a_file_system_without_locks_is_used_without_one(lock, monkeypatch):
    take, path = lock

    def fail(descriptor, blocking):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(module, "lock_descriptor", fail)
    with take(path, on_held=refuse), take(path, on_held=refuse):
        pass


def test_an_error_under_a_lock_frees_it(lock):
    take, path = lock
    with pytest.raises(ZeroDivisionError), take(path):
        raise ZeroDivisionError
    with take(path, on_held=refuse):
        pass

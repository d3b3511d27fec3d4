"""Atomic writes of files and directories: whole or absent, even after an error or a kill."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.files import atomic_write
from zoo.files.atomic_write import (
    atomic_directory,
    atomic_path,
    remove_unfinished,
    replace_directory,
    write_bytes,
    write_text,
)

# For one line after the other: forks a child that writes and kills itself before that line, then tells what
# is left and what the next writer makes of it. Ends with the first child that reaches the end.
DRIVER = """
import json, os, signal, sys
from pathlib import Path
from zoo.files import atomic_write

def write_directory(directory, content):
    atomic_write.remove_unfinished(directory, "best")
    with atomic_write.atomic_directory(directory / "best") as unfinished:
        for name in ("a", "b"):
            (unfinished / name).write_text(content)

def write_file(directory, content):
    atomic_write.remove_unfinished(directory, "best")
    atomic_write.write_text(directory / "best", content)

def kill_before_line(number):
    def trace(frame, event, argument):
        nonlocal number
        if not frame.f_code.co_filename.endswith(("atomic_write.py", "<string>")):
            return None
        if event == "line":
            number -= 1
            if number < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)

def state(directory):
    best = directory / "best"
    contents = [path.read_text() for path in sorted(best.iterdir())] if best.is_dir() else [best.read_text()]
    return [contents, len(os.listdir(directory))]

os.fsync = lambda descriptor: None  # the machine stays on, and the disk takes its time
write, parent = {"directory": write_directory, "file": write_file}[sys.argv[1]], Path(sys.argv[2])
was_killed, number = True, 0
while was_killed:
    directory = parent / str(number)
    write(directory, "old")
    child = os.fork()
    if child == 0:
        kill_before_line(number)
        write(directory, "new")
        os._exit(0)
    was_killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    left = state(directory)
    write(directory, "next")
    print(json.dumps([left, state(directory)]))
    number += 1
"""


def run_driver(kind, directory):
    command = [sys.executable, "-c", DRIVER, kind, directory]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    left, repaired = zip(*map(json.loads, done.stdout.splitlines()), strict=True)
    assert len(left) > 15
    return left, repaired


@pytest.mark.parametrize(("kind", "num_files"), [("file", 1), ("directory", 2)])
def test_a_kill_at_any_line_leaves_the_old_or_the_new(kind, num_files, tmp_path):
    if kind == "directory" and not can_exchange(tmp_path):
        pytest.skip("this file system cannot exchange two names")
    left, repaired = run_driver(kind, tmp_path)
    found = [contents for contents, _ in left]
    assert found == sorted(found, reverse=True)
    assert {tuple(contents) for contents in found} == {("old",) * num_files, ("new",) * num_files}
    assert any(num_entries > 1 for _, num_entries in left)
    assert all(state == [["next"] * num_files, 1] for state in repaired)


def can_exchange(directory):
    for name in ("x", "y"):
        (directory / name).mkdir()
    return atomic_write._exchange(directory / "x", directory / "y")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "model.keras"
    write_text(path, "old")

    def stop_in_the_middle():
        with atomic_path(path) as temporary:
            assert (temporary.parent, temporary.suffix) == (tmp_path, ".keras")
            temporary.write_text("half of the n")
            assert path.read_text() == "old"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_in_the_middle()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["model.keras"]
    write_text(path, "new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["model.keras"]


def test_directories_on_the_way_are_made_and_the_path_is_returned(tmp_path):
    assert write_bytes(tmp_path / "a" / "b" / "c", b"\xff") == tmp_path / "a" / "b" / "c"
    assert write_text(tmp_path / "a" / "ü", "größer\n").read_bytes() == "größer\n".encode()


@pytest.mark.parametrize("name", ["a" * 255, "ж" * 120 + ".png", "a" * 200 + ".jpeg", ".hidden"])
def test_a_name_may_be_as_long_as_a_name_can_be(tmp_path, name):
    write_bytes(tmp_path / name, b"x")
    assert os.listdir(tmp_path) == [name]


def test_a_full_disk_keeps_the_old_file(tmp_path, monkeypatch):
    path = write_text(tmp_path / "a", "old")
    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(OSError, match="No space left on device"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def no_room(descriptor):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_directory(path, content):
    with atomic_directory(path) as directory:
        (directory / "inside").mkdir()
        (directory / "inside" / "file").write_text(content)


def content_of(path):
    return (path / "inside" / "file").read_text()


def test_a_directory_is_replaced_with_all_that_it_holds(tmp_path):
    path = tmp_path / "new" / "best"
    write_directory(path, "old")
    (path / "more").touch()
    write_directory(path, "new")
    assert content_of(path) == "new"
    assert os.listdir(path) == ["inside"]
    assert os.listdir(path.parent) == ["best"]


def test_an_error_in_the_middle_keeps_the_old_directory(tmp_path):
    path = tmp_path / "best"
    write_directory(path, "old")

    def stop_in_the_middle():
        with atomic_directory(path) as directory:
            (directory / "inside").mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_in_the_middle()
    assert content_of(path) == "old"
    assert os.listdir(tmp_path) == ["best"]


def test_a_file_system_that_exchanges_no_names_is_written_by_renames(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic_write, "_exchange", lambda new, path: False)
    write_directory(tmp_path / "best", "old")
    write_directory(tmp_path / "best", "new")
    assert content_of(tmp_path / "best") == "new"
    assert os.listdir(tmp_path) == ["best"]


def test_the_old_directory_gets_its_name_back_when_the_new_one_cannot_have_it(tmp_path, monkeypatch):
    write_directory(tmp_path / "best", "old")
    monkeypatch.setattr(atomic_write, "_exchange", lambda new, path: False)
    rename = os.rename

    def fail_once_in_place(source, target):
        # The first try is refused by the kernel, as the old directory is in the way.
        if Path(source).name.startswith(".writing-") and not Path(target).exists():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_once_in_place)
    with pytest.raises(OSError, match="Input/output error"):
        write_directory(tmp_path / "best", "new")
    assert content_of(tmp_path / "best") == "old"
    assert os.listdir(tmp_path) == ["best"]


def test_a_file_is_not_replaced_by_a_directory(tmp_path):
    (tmp_path / "best").write_text("a file")
    with pytest.raises(NotADirectoryError):
        write_directory(tmp_path / "best", "new")
    assert os.listdir(tmp_path) == ["best"]


def test_what_was_replaced_has_the_other_name(tmp_path):
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    replace_directory(tmp_path / "new", tmp_path / "old")
    assert os.listdir(tmp_path / "old") == ["new"]
    assert os.listdir(tmp_path / "new") == ["old"]


def test_leftovers_of_one_name_or_of_all_are_removed(tmp_path):
    def leave(name):
        path = atomic_write._unfinished_path(tmp_path / name)
        path.mkdir() if name == "best" else path.touch()
        return path

    best, labels, other = leave("best"), leave("labels.json"), leave("labels.txt")
    (tmp_path / ".hidden").touch()
    remove_unfinished(tmp_path, "labels.json")
    assert not labels.exists()
    assert best.exists()
    assert other.exists()
    remove_unfinished(tmp_path)
    assert os.listdir(tmp_path) == [".hidden"]

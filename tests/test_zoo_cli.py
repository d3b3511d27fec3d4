"""The command `zoo`: exit codes, one-line errors, help."""

import os
import subprocess
import sys
import types
from pathlib import Path

import click
import pytest
from PIL import Image

import zoo
from zoo import cli
from zoo.errors import UnknownNameError

REPOSITORY = Path(__file__).parent.parent


def run(capsys, *arguments):
    """Runs a command line; returns exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as exit_info:
        cli.main(list(arguments))
    captured = capsys.readouterr()
    return exit_info.value.code, captured.out, captured.err


@pytest.fixture
def add_command(monkeypatch):
    """Adds the command `zoo act`, which calls the function given."""

    def add(function):
        @click.command(cls=cli.ZooCommand, example="zoo act --count 2")
        @click.option("--count", type=click.IntRange(1))
        def command(count):
            """Act."""
            function()

        module = types.ModuleType("act_command")
        module.command = command
        monkeypatch.setitem(sys.modules, "act_command", module)
        monkeypatch.setitem(cli.COMMANDS, "act", "act_command")

    return add


def raiser(error):
    def function():
        raise error

    return function


def test_a_command_that_is_done_exits_with_0(capsys, add_command):
    add_command(lambda: click.echo("acted"))
    assert run(capsys, "act") == (0, "acted\n", "")


@pytest.mark.parametrize(
    ("error", "exit_code", "line"),
    [
        (ValueError("It must hold.\n  Received: x=1."), 1, "It must hold. Received: x=1."),
        (RuntimeError(), 1, "RuntimeError"),
        (UnknownNameError("model", "x", ["gan"]), 2, "Unknown model. Received: 'x'. Known: gan."),
        (click.UsageError("Name one."), 2, "Name one."),
        (click.ClickException("It failed."), 1, "It failed."),
        (KeyboardInterrupt(), 1, "Interrupted."),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(capsys, add_command, error, exit_code, line):
    add_command(raiser(error))
    code, out, err = run(capsys, "act")
    assert (code, out, err.strip()) == (exit_code, "", f"zoo: error: {line}")


def test_debug_shows_where_an_error_came_from(capsys, add_command):
    add_command(raiser(ValueError("It must hold.")))
    code, _, err = run(capsys, "act", "--debug")
    assert code == 1
    assert "Traceback" in err
    assert "in function" in err
    assert err.endswith("zoo: error: It must hold.\n")


def test_an_unknown_command_is_answered_with_those_that_exist(capsys):
    code, _, err = run(capsys, "trian")
    known = (
        "data, train, tune, evaluate, export, serve, presets, generate, edit, upscale, clean, cutout, "
        "recolour, stylise, stitch, audit"
    )
    line = f"zoo: error: Unknown command. Received: 'trian'. Known: {known}. Did you mean 'train'?\n"
    assert (code, err) == (2, line)


def test_a_wrong_option_or_value_exits_with_2_and_one_line(capsys, add_command):
    add_command(lambda: None)
    assert run(capsys, "act", "--cuont", "2")[0] == 2
    code, _, err = run(capsys, "act", "--count", "0")
    assert (code, err) == (2, "zoo: error: Invalid value for '--count': 0 is not in the range x>=1.\n")


def test_help_lists_every_command_with_what_it_does(capsys):
    code, out, err = run(capsys, "--help")
    assert (code, err) == (0, "")
    listed = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.startswith("  ")}
    for name in cli.COMMANDS:
        assert listed[name], f"{name} says nothing"


@pytest.mark.parametrize("group", [[], ["data"]])
def test_a_group_without_a_command_shows_its_help(capsys, group):
    code, out, err = run(capsys, *group)
    assert (code, out) == (2, "")
    assert err == run(capsys, *group, "--help")[1]


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself_with_an_example(capsys, name):
    code, out, _ = run(capsys, name, "--help")
    assert code == 0
    assert f"Usage: zoo {name}" in out
    assert "--debug" in out
    assert f"zoo {name}" in out.split("Example:")[1]


def test_the_version_is_that_of_the_package(capsys):
    code, out, _ = run(capsys, "--version")
    assert (code, out) == (0, f"zoo, version {zoo.__version__}\n")


def start(*arguments):
    """Starts `zoo` in a process of its own, where nobody has silenced TensorFlow."""
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.Popen(
        [sys.executable, "-m", "zoo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env=environment,
    )


def test_a_command_that_runs_a_model_prints_nothing_of_tensorflows_own(tmp_path):
    Image.new("RGB", (8, 6), "red").save(tmp_path / "photo.png")
    with start("upscale", str(tmp_path / "photo.png"), "--output", str(tmp_path / "large")) as process:
        out, err = process.communicate()
    assert (process.returncode, out) == (0, f"Wrote 1 of 1 pictures to {tmp_path / 'large'}\n")
    bars = [line for line in err.splitlines() if line.startswith("1 of 1 photos")]  # on a slow machine
    assert [line for line in err.splitlines() if line and line not in bars] == []


def test_a_reader_that_leaves_is_no_reason_for_a_traceback():
    with start("--help") as process:
        process.stdout.close()
        assert process.stderr.read() == ""


def test_importing_tensorflow_adds_nothing_to_the_error():
    with start("train", "gann") as process:
        out, err = process.communicate()
    known = (
        "autoencoder, classifier, clean, conditional_vae, cutout, dcgan, ecbsr, fsrcnn, latent_flow, "
        "recolour, srcnn, style"
    )
    line = f"zoo: error: Unknown model. Received: 'gann'. Known: {known}.\n"
    assert (process.returncode, out, err) == (2, "", line)

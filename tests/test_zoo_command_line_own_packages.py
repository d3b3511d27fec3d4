"""`zoo` in a project folder that has its own packages called `serving` and `training`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from free_ports import free_port
from serving_models import models_dir

from serving.client.connection import connect
from serving.launch.engine import RunningServer
from zoo.command_line import own_packages
from zoo.command_line.own_packages import check_not_shadowed, python_command, python_environment

REPOSITORY = Path(__file__).parent.parent
ADVICE = (
    "Start `zoo` or `zoo-model-server` instead of `python -m`, which looks into the working directory, or "
    "take that folder off PYTHONPATH."
)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """The working directory: another project, whose packages must not be imported."""
    for name in ("serving", "training"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise SystemExit('imported the shop's {name}')")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words, **environment):
    """Runs Python with this project on PYTHONPATH, as if it were installed."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environment}
    return subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, env=environment)


def test_commands_answer_beside_other_packages(shop):
    done = run("-P", "-m", "zoo", "serve", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: zoo serve" in done.stdout


def test_the_console_command_of_the_server_answers_beside_other_packages(shop):
    script = shop / "bin" / "zoo-model-server"
    script.parent.mkdir()
    # What pip writes for a console command.
    script.write_text("from serving.model_server.__main__ import run\nrun()\n")
    done = run(script, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("TensorFlow ModelServer: product-image-zoo ")


@pytest.mark.slow
def test_the_embedded_server_starts_beside_other_packages(shop):
    with RunningServer(models_dir(), free_port(), free_port(), "embedded") as server:
        server.wait_until_ready(120)
        with connect(server.grpc_address) as client:
            assert client.status("linear") == {2: "AVAILABLE"}


def test_the_printed_command_line_leaves_the_working_directory_aside(shop):
    done = run("-P", "-m", "zoo", "serve", "--models-dir", models_dir(), "--engine", "embedded", "--dry-run")
    assert f"{sys.executable} -P -m serving.model_server " in done.stdout


@pytest.mark.parametrize("words", [("zoo", "presets"), ("zoo", "serve", "--help")])
def test_a_shadowed_command_names_the_file_and_what_to_do(shop, words):
    done = run("-m", *words)
    file = shop / "training" / "__init__.py"
    line = (
        f"zoo: error: The package `training` must be this project's, in {REPOSITORY}. Received: {file}, "
        f"which Python finds first. {ADVICE}\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)


def test_a_shadowed_server_names_the_file_and_what_to_do(shop):
    (shop / "serving" / "__init__.py").unlink()
    (shop / "serving").rmdir()
    done = run("-m", "serving.model_server", "--version")
    file = shop / "training" / "__init__.py"
    assert done.returncode == 255
    assert done.stdout == (
        "Failed to start server. Error: FAILED_PRECONDITION: The package `training` must be this project's, "
        f"in {REPOSITORY}. Received: {file}, which Python finds first. {ADVICE}\n"
    )


def test_a_module_and_a_folder_shadow_as_well(tmp_path, monkeypatch):
    module = tmp_path / "export.py"
    module.write_text("")
    done = run("-P", "-m", "zoo", "presets", PYTHONPATH=f"{tmp_path}{os.pathsep}{REPOSITORY}")
    assert f"The package `export` must be this project's, in {REPOSITORY}. Received: {module}," in done.stderr
    # A folder without `__init__.py` goes before an editable installation, whose finder comes last.
    (tmp_path / "zoo_without_a_file").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(own_packages, "PACKAGES", ("zoo_without_a_file",))
    with pytest.raises(RuntimeError, match=re.escape(f"Received: {tmp_path / 'zoo_without_a_file'}, which")):
        check_not_shadowed()


def test_packages_that_a_distribution_leaves_out_are_no_matter(monkeypatch):
    monkeypatch.setattr(own_packages, "PACKAGES", ("zoo", "zoo_that_is_nowhere"))
    check_not_shadowed()


def test_children_find_the_packages_of_a_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = "import serving; print(serving.__file__)"
    for inherited in (None, str(tmp_path)):
        monkeypatch.delenv("PYTHONPATH", raising=False)
        if inherited:
            monkeypatch.setenv("PYTHONPATH", inherited)
        command = [sys.executable, "-P", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, env=python_environment(), check=True)
        assert Path(done.stdout.strip()) == REPOSITORY / "serving" / "__init__.py"
        assert python_environment()["PYTHONPATH"].split(os.pathsep)[1:] == [inherited] * bool(inherited)


def test_children_of_an_installation_keep_their_path(tmp_path, monkeypatch):
    monkeypatch.setattr(own_packages.site, "getsitepackages", lambda: [str(REPOSITORY)])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert python_environment()["PYTHONPATH"] == str(tmp_path)
    assert python_command("zoo") == [sys.executable, "-P", "-m", "zoo"]

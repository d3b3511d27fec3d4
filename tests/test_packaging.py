"""What is installed: the code of the four layers and the presets with it, and all that it imports."""

import ast
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import zoo

REPOSITORY = Path(__file__).parent.parent
LAYERS = ("zoo", "training", "export", "serving")
# Distributions by the names that they are imported by, where the two differ.
DISTRIBUTIONS = {
    "google.protobuf": "protobuf",
    "grpc": "grpcio",
    "grpc_health": "grpcio-health-checking",
    "PIL": "pillow",
    "c2pa": "c2pa-python",
    "sklearn": "scikit-learn",
    "tensorflow_serving": "tensorflow-serving-api",
    "yaml": "pyyaml",
}
# Compared with, or drawn with, where they happen to be installed.
OPTIONAL = {"torch", "cv2", "onnxruntime"}
# What builds a distribution; it imports what the build brings.
BUILD_SCRIPT = REPOSITORY / "serving" / "client" / "setup.py"


def imported_distributions(folder):
    """Returns the distributions that a folder's files import, each with one of the files."""
    found = {}
    for path in sorted(set((REPOSITORY / folder).rglob("*.py")) - {BUILD_SCRIPT}):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in names:
                known = [prefix for prefix in DISTRIBUTIONS if f"{name}.".startswith(f"{prefix}.")]
                top = name.split(".")[0]
                if known:
                    found[DISTRIBUTIONS[known[0]]] = path
                elif top not in sys.stdlib_module_names and top not in LAYERS:
                    found[canonicalize_name(top)] = path
    return found


def pins(python_version=None):
    """Returns the versions of constraints.txt by name; one Python's, or all of them."""
    found = {}
    for line in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        pin = Requirement(line)
        environment = python_version and {
            "python_version": python_version,
            "python_full_version": f"{python_version}.9",
        }
        if environment is None or pin.marker is None or pin.marker.evaluate(environment):
            (specifier,) = pin.specifier
            assert specifier.operator == "==", line
            found.setdefault(canonicalize_name(pin.name), []).append(Version(specifier.version))
    return found


def requirements_of(requirement):
    """Yields what an installed distribution requires on this machine, with the extras that are asked for."""
    try:
        texts = metadata.requires(requirement.name) or []
    except metadata.PackageNotFoundError:  # of an extra that is not installed here
        return
    for text in texts:
        required = Requirement(text)
        extras = ["", *requirement.extras]
        if required.marker is None or any(required.marker.evaluate({"extra": extra}) for extra in extras):
            yield required


def declared_names(requirements):
    return {canonicalize_name(Requirement(text).name) for text in requirements}


@pytest.mark.parametrize("layer", LAYERS)
def test_all_that_a_layer_imports_is_declared(layer, setup_arguments):
    extras = setup_arguments["extras_require"]
    of_extras = [text for name, texts in extras.items() if name not in ("dev", "docs") for text in texts]
    declared = declared_names([*setup_arguments["install_requires"], *of_extras])
    imported = imported_distributions(layer)
    assert {name: path for name, path in imported.items() if name not in declared} == {}


def test_all_that_the_tests_import_is_declared(setup_arguments):
    declared = declared_names(
        [*setup_arguments["install_requires"], *setup_arguments["extras_require"]["dev"]]
    )
    own = {canonicalize_name(path.stem) for path in (REPOSITORY / "tests").rglob("*.py")}
    imported = imported_distributions("tests")
    undeclared = imported.keys() - declared - own - OPTIONAL - {"setuptools", "pip"}
    assert {name: imported[name] for name in undeclared} == {}


def test_presets_are_installed_with_the_code(tmp_path):
    """Builds a copy of the package, with a preset, as pip does."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(REPOSITORY / name, source)
    shutil.copytree(REPOSITORY / "zoo", source / "zoo", ignore=shutil.ignore_patterns("__pycache__"))
    preset = source / "zoo" / "preset_files" / "srcnn_x9"
    preset.mkdir(parents=True)
    for name in ("preset.json", "weights.npz", "notes.txt"):
        (preset / name).write_text(name)
    command = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path / "built")]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    built = tmp_path / "built" / "zoo"
    assert (built / "presets" / "registry.py").exists()
    assert (built / "py.typed").exists()
    installed = {path.name for path in (built / "preset_files" / "srcnn_x9").iterdir()}
    assert installed == {"preset.json", "weights.npz"}
    shipped = {path.name for path in (REPOSITORY / "zoo" / "preset_files").glob("[!.]*")}
    assert {path.name for path in (built / "preset_files").iterdir()} == shipped | {"srcnn_x9"}


@pytest.mark.parametrize("layer", LAYERS)
def test_type_checkers_are_told_that_there_are_types(layer, setup_arguments):
    assert (REPOSITORY / layer / "py.typed").read_text() == ""
    assert "py.typed" in setup_arguments["package_data"][layer]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of the tracked files, unpacked."""
    directory = tmp_path_factory.mktemp("wheel")
    source = directory / "source"
    for name in tracked_files():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, source / name)
    command = [sys.executable, "setup.py", "-q", "bdist_wheel", "--dist-dir", str(directory)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (path,) = directory.glob("*.whl")
    shutil.unpack_archive(path, directory / "unpacked", "zip")
    return directory / "unpacked"


def tracked_files():
    """Names the files of the distribution that are under version control."""
    command = ["git", "ls-files", "-z", *LAYERS, "setup.py", "pyproject.toml", "README.md", "LICENSE"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"git is needed to name the files: {done.stderr.strip()}")
    return [name for name in done.stdout.split("\0") if (REPOSITORY / name).is_file()]


def test_the_wheel_holds_every_file_of_the_layers(wheel):
    expected = {name for name in tracked_files() if name.split("/")[0] in LAYERS}
    expected.discard("serving/client/pyproject.toml")  # builds the distribution of the clients
    unpacked = {str(path.relative_to(wheel)) for path in wheel.rglob("*") if path.is_file()}
    assert {name for name in expected if not name.endswith(".py")} > {
        "serving/examples/node/zoo-client.mjs",
        "training/distribution/deploy/slurm.sh",
    }
    assert {name for name in unpacked if name.split("/")[0] in LAYERS} == expected
    assert {name.split("/")[0] for name in unpacked} - set(LAYERS) == {
        f"product_image_zoo-{zoo.__version__}.dist-info"
    }


def test_the_wheel_works_in_any_folder(wheel, tmp_path):
    """... also one with packages of the same names, and without the checkout."""
    for name in ("serving", "training"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise SystemExit('another {name}')")
    options = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(wheel)}}

    def run(*words):
        command = [sys.executable, "-P", *words]
        return subprocess.run(command, capture_output=True, text=True, **options)

    for words in (["zoo", "serve", "--help"], ["zoo", "presets"], ["serving.model_server", "--version"]):
        done = run("-m", *words)
        assert (done.returncode, done.stderr) == (0, ""), words
    script = "import zoo; print(zoo.__file__, zoo.SRCNN.from_preset('srcnn_x2').count_params())"
    file, num_weights = run("-c", script).stdout.split()
    assert file == str(wheel / "zoo" / "__init__.py")
    assert int(num_weights) > 8_000


@pytest.mark.parametrize("python_version", ["3.11", "3.12", "3.13"])
def test_every_extra_resolves_within_the_constraints(python_version, setup_arguments):
    pinned = pins(python_version)
    extras = setup_arguments["extras_require"].values()
    for text in [*setup_arguments["install_requires"], *(text for extra in extras for text in extra)]:
        requirement = Requirement(text)
        (version,) = pinned[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, text


def test_the_constraints_name_all_that_is_installed_with_the_extras(setup_arguments):
    pinned = pins()
    extras = setup_arguments["extras_require"].values()
    left = [
        Requirement(text)
        for text in [*setup_arguments["install_requires"], *(text for extra in extras for text in extra)]
    ]
    seen = set()
    while left:
        requirement = left.pop()
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{requirement} is not pinned: run make constraints"
        assert any(version in requirement.specifier for version in pinned[name]), (
            f"{requirement} contradicts {pinned[name]}: run make constraints"
        )
        for required in requirements_of(requirement):
            if str(required) not in seen:
                seen.add(str(required))
                left.append(required)
    assert len(seen) > 100


def test_python_versions_are_the_same_everywhere(setup_arguments):
    classifiers = "\n".join(setup_arguments["classifiers"])
    versions = re.findall(r"Python :: (3\.\d+)", classifiers)
    assert versions == ["3.11", "3.12", "3.13"]
    assert setup_arguments["python_requires"] == ">=3.11,<3.14"
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in makefile
    assert 'target-version = "py311"' in (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    assert "--python-version 3.11" in makefile


def test_the_citation_is_of_this_package(setup_arguments):
    """What version 1.2.0 of the Citation File Format requires, and what would drift from setup.py."""
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert all(author["name"] for author in citation["authors"])
    assert citation["title"] == setup_arguments["name"]
    assert citation["version"] == setup_arguments["version"]
    assert citation["license"] == setup_arguments["license"]
    known = {
        "abstract",
        "authors",
        "cff-version",
        "keywords",
        "license",
        "message",
        "title",
        "type",
        "version",
    }
    assert citation.keys() <= known


def test_the_ports_of_the_security_page_are_the_servers():
    from serving.serve_command import command

    page = (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8")
    defaults = {option.name: option.default for option in command.params}
    assert f"gRPC, {defaults['port']}" in page
    assert f"REST, {defaults['rest_api_port']}" in page

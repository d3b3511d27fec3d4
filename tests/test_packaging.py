"""What is installed: the code of the four layers and the presets with it, and all that it imports."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parent.parent
LAYERS = ("zoo", "training", "export", "serving")
# Distributions by the names that they are imported by, where the two differ.
DISTRIBUTIONS = {
    "google.protobuf": "protobuf",
    "grpc": "grpcio",
    "grpc_health": "grpcio-health-checking",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "tensorflow_serving": "tensorflow-serving-api",
    "yaml": "pyyaml",
}
# Compared with where they happen to be installed.
OPTIONAL = {"torch"}


def imported_distributions(folder):
    """Returns the distributions that a folder's files import, each with one of the files."""
    found = {}
    for path in sorted((REPOSITORY / folder).rglob("*.py")):
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


def declared_names(requirements):
    return {canonicalize_name(Requirement(text).name) for text in requirements}


@pytest.mark.parametrize("layer", LAYERS)
def test_all_that_a_layer_imports_is_declared(layer, setup_arguments):
    declared = declared_names(
        [*setup_arguments["install_requires"], *setup_arguments["extras_require"]["wandb"]]
    )
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
    installed = {path.name for path in (built / "preset_files" / "srcnn_x9").iterdir()}
    assert installed == {"preset.json", "weights.npz"}
    shipped = {path.name for path in (REPOSITORY / "zoo" / "preset_files").glob("[!.]*")}
    assert {path.name for path in (built / "preset_files").iterdir()} == shipped | {"srcnn_x9"}

"""Which layer may import which, and what `zoo --help` must not import."""

import ast
import graphlib
import pkgutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
LAYERS = ("zoo", "training", "export", "serving")
MODULES = sorted(
    path.relative_to(REPOSITORY) for layer in LAYERS for path in (REPOSITORY / layer).rglob("*.py")
)
HEAVY = {"tensorflow", "keras", "numpy", "tensorflow_datasets", "PIL", "grpc"}


def module_name(path: Path) -> str:
    """Returns the dotted name of a file, relative to the repository."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imported_modules(path: Path) -> list[str]:
    """Names every module that a file imports, at its top or inside a function."""
    names = []
    for node in ast.walk(ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively, which hides the layer"
            names.append(node.module)
    return names


def test_every_file_is_a_module_of_a_package():
    """What a folder without `__init__.py` holds would be left out of the wheel, and of the tests here."""
    paths = [str(REPOSITORY / layer) for layer in LAYERS]
    found = {
        module.name
        for layer, path in zip(LAYERS, paths, strict=True)
        for module in pkgutil.walk_packages([path], f"{layer}.", onerror=pytest.fail)
    }
    names = {module_name(path) for path in MODULES}
    assert names - found == set(LAYERS)
    assert found - names == set()


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_layer_imports_itself_and_layers_to_its_left(path):
    to_the_right = LAYERS[LAYERS.index(path.parts[0]) + 1 :]
    assert [name for name in imported_modules(path) if name.split(".")[0] in to_the_right] == []


def test_nothing_is_imported_from_the_tests():
    folders = ("tests", "tests/support", "tests/support/fuzz")
    test_modules = {path.stem for folder in folders for path in (REPOSITORY / folder).glob("*.py")}
    for path in MODULES:
        assert test_modules.isdisjoint(imported_modules(path)), path


def test_help_imports_nothing_heavy():
    script = (
        "import atexit, sys; from zoo.cli import main;"
        "atexit.register(lambda: print(*sys.modules, sep='\\n', file=sys.stderr)); main(['--help'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    assert "Usage: zoo" in done.stdout
    imported = set(done.stderr.split())
    assert {"zoo.cli", "training.train_command", "serving.serve_command"} <= imported
    assert HEAVY & imported == set()


def import_graph() -> dict[str, set[str]]:
    """Returns for each module those that it imports, at its top or inside a function."""
    names = {module_name(path): path for path in MODULES}
    graph = {}
    for name, path in names.items():
        graph[name] = set()
        for node in ast.walk(ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                parts = [f"{node.module}.{alias.name}" for alias in node.names]
                imported = [part if part in names else node.module for part in parts]
            else:
                continue
            graph[name].update(set(imported) & names.keys() - {name})
    return graph


def find_circle(graph: dict[str, set[str]]) -> tuple[str, ...]:
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return tuple(error.args[1])
    return ()


def room_of(name: str) -> str:
    """Returns the folder below a layer that a module is in; of modules at the top the module itself."""
    return ".".join(name.split(".")[:2])


def is_door(name: str) -> bool:
    return name.endswith("_command") or name in {"zoo.cli", "zoo.__main__", "training.make_preset"}


def test_no_module_imports_itself_through_others():
    assert find_circle(import_graph()) == ()


def test_rooms_do_not_import_each_other_in_circles():
    rooms: dict[str, set[str]] = {}
    for name, imported in import_graph().items():
        rooms.setdefault(room_of(name), set()).update(
            {room_of(other) for other in imported} - {room_of(name)}
        )
    assert find_circle(rooms) == ()


def test_rooms_do_not_import_doors():
    """A command starts what is behind it. `zoo.cli` is what commands are made of, and imports no room."""
    upwards = {
        f"{name} -> {other}"
        for name, imported in import_graph().items()
        for other in imported
        if is_door(other) and not is_door(name) and other != "zoo.cli"
    }
    assert upwards == set()


def test_folders_hold_at_most_about_twenty_files():
    sizes = Counter(str(path.parent) for path in MODULES)
    assert {folder: size for folder, size in sizes.items() if size > 24} == {}

"""What is installed: the code of the four layers, and the presets with it."""

import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent


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

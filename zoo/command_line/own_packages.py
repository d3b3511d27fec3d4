"""Protects this project's packages from being shadowed by others called `serving`, `training`, ...

`python -m` searches the working directory first, which may be a shop's own project with a folder of the same
name.
"""

import importlib.util
import os
import site
import sys
from pathlib import Path

PACKAGES = ("zoo", "training", "export", "serving")
ROOT = Path(__file__).resolve().parents[2]


def python_command(module: str) -> list[str]:
    """Returns the start of a command line that runs one of this project's modules.

    The working directory is not searched; `python_environment` makes the module importable instead.

    Example:

    >>> python_command("serving.model_server")[1:]
    ['-P', '-m', 'serving.model_server']
    """
    return [sys.executable, "-P", "-m", module]


def python_environment() -> dict[str, str]:
    """Returns the environment in which `python_command` finds the packages that this process uses.

    Installed packages are always found. Those of a checkout may have been found only through the working
    directory, and are therefore added to `PYTHONPATH`.
    """
    if str(ROOT) in {*site.getsitepackages(), site.getusersitepackages()}:
        return dict(os.environ)
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def check_not_shadowed() -> None:
    """Checks, without importing them, that this project's packages are the ones next to this file.

    Raises:
        RuntimeError: Another package would be imported; the message names its file.
    """
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None:  # a distribution may not include it
            continue
        # A folder without `__init__.py` has no file.
        folders = [*(spec.submodule_search_locations or ())]
        file = Path(spec.origin if spec.has_location and spec.origin else folders[0])
        if (file.parent if spec.has_location else file).resolve() != ROOT / name:
            raise RuntimeError(
                f"The package `{name}` must be this project's, in {ROOT}. Received: {file}, which Python "
                "finds first. Start `zoo` or `zoo-model-server` instead of `python -m`, which looks into the "
                "working directory, or take that folder off PYTHONPATH."
            )

"""Keeps other packages that are called `serving`, `training`, ... from being taken for this project's.

`python -m` looks into the working directory first, which may be a shop's own project with a folder of the
same name.
"""

import importlib.util
import os
import site
import sys
from pathlib import Path

PACKAGES = ("zoo", "training", "export", "serving")
ROOT = Path(__file__).resolve().parents[2]


def python_command(module: str) -> list[str]:
    """Returns the first words of a command line that runs one of this project's modules.

    The working directory is left aside; see `python_environment` for where the module is found instead.

    Example:

    >>> python_command("serving.model_server")[1:]
    ['-P', '-m', 'serving.model_server']
    """
    return [sys.executable, "-P", "-m", module]


def python_environment() -> dict[str, str]:
    """Returns the environment in which `python_command` finds the packages that this process uses.

    Installed ones are found in any case. Those of a checkout may have been found in the working directory
    alone, so that `PYTHONPATH` must name it.
    """
    if str(ROOT) in {*site.getsitepackages(), site.getusersitepackages()}:
        return dict(os.environ)
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def check_not_shadowed() -> None:
    """Checks that each package of this project is the one beside this file, without importing it.

    Raises:
        RuntimeError: Another one would be imported; names its file.
    """
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None:  # a distribution may leave it out
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

"""Names directories in a way that TensorFlow does not take for a pattern.

TensorFlow matches the paths of checkpoints and SavedModels as patterns: what lies in `runs[1]` is missing to
it, and what it has written there looks damaged.
"""

import atexit
import functools
import re
import shutil
import tempfile
from pathlib import Path

_PATTERN = re.compile(r"[*?\[\]{}\\]")


def unglobbed(path: Path) -> Path:
    """Returns a path to the same directory without characters that have a meaning in patterns.

    Args:
        path: A directory, which may not exist yet.

    Returns:
        The path itself, if it has no such characters; otherwise a link, which goes when the process ends.

    Example:

    >>> unglobbed(Path("runs/gan")).as_posix()
    'runs/gan'
    """
    if not _PATTERN.search(str(path)):
        return path
    return _link(path.absolute())


@functools.cache
def _link(path: Path) -> Path:
    directory = tempfile.mkdtemp(prefix="zoo-link-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    link = Path(directory, "to")
    link.symlink_to(path, target_is_directory=True)
    return link

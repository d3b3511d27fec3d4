"""Detects damaged checkpoints before they are restored, and sets them aside."""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

# Prefix of damaged files.
ASIDE = "damaged-"
# Limit for TensorFlow's reason for refusing a checkpoint, which may list every weight with its values.
MAX_REASON_LENGTH = 200


def find_damage(path: str) -> str | None:
    """Reads a checkpoint and returns what is wrong with it, or None if it is intact.

    TensorFlow verifies checksums as it reads, but may have assigned half of the variables by then.

    Args:
        path: Path of a checkpoint, as `tf.train.CheckpointManager` returns it.
    """
    if not Path(f"{path}.index").exists():
        return "its index is missing"
    try:
        reader = tf.train.load_checkpoint(path)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except (IndexError, RuntimeError, tf.errors.OpError, ValueError) as error:
        return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")[:MAX_REASON_LENGTH]
    return None


def set_aside(damaged: Sequence[str], whole: Sequence[str]) -> None:
    """Renames the files of damaged checkpoints, and removes them from the directory's list of checkpoints.

    Args:
        damaged: Paths of the damaged checkpoints, at least one, all in one directory.
        whole: Paths of the intact checkpoints in that directory, the newest one last.
    """
    directory = Path(damaged[0]).parent
    for path in map(Path, damaged):
        for file in directory.glob(f"{path.name}.*"):
            file.replace(file.with_name(ASIDE + file.name))
    if not whole:
        (directory / "checkpoint").unlink(missing_ok=True)
        return
    names = [Path(path).name for path in whole]  # relative, because the directory may be moved
    tf.compat.v1.train.update_checkpoint_state(str(directory.absolute()), names[-1], names)

"""Checkpoints that a disk or a copy has damaged: found before they are restored, and set aside."""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

# Before the names of files that are damaged.
ASIDE = "damaged-"
# Of TensorFlow's reason for refusing a checkpoint, which may name every weight with its values.
MAX_REASON_LENGTH = 200


def find_damage(path: str) -> str | None:
    """Reads a checkpoint, and returns what is wrong with it; None where it is whole.

    TensorFlow checks sums as it reads, but has assigned half of the variables when it finds damage.

    Args:
        path: Of a checkpoint, as `tf.train.CheckpointManager` names it.
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
    """Renames the files of damaged checkpoints, and lists only the whole ones in their directory.

    Args:
        damaged: Paths of checkpoints in one directory, at least one.
        whole: Paths of those that are left there, the newest one last.
    """
    directory = Path(damaged[0]).parent
    for path in map(Path, damaged):
        for file in directory.glob(f"{path.name}.*"):
            file.replace(file.with_name(ASIDE + file.name))
    if not whole:
        (directory / "checkpoint").unlink(missing_ok=True)
        return
    names = [Path(path).name for path in whole]  # without the directory, which may be moved
    tf.compat.v1.train.update_checkpoint_state(str(directory.absolute()), names[-1], names)

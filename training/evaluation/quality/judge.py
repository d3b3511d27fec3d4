"""Which classifier judges the pictures of a run while it trains, so that its epochs can be compared.

It has never seen a generator, and it stays the same: every run keeps a copy beside its checkpoints, and all
runs on a data set, such as the trials of a study, begin with the same one.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from training.data.data_sets import DataSet
from training.data.preparation import zoo_home
from training.data.selection import SelectedDataSet
from training.evaluation.judge import MIN_JUDGED, closes_gap, find_hits, judge_pictures
from training.evaluation.quality import judge_training
from training.evaluation.quality.judge_files import (
    DESCRIPTION,
    FORMAT,
    WEIGHTS,
    JudgeFiles,
    copy_weights,
    read_judge,
)
from training.input.labelled_pictures import read_pictures
from training.recipes.classifier import ClassifierRecipe
from zoo.classifier import SMALLEST_IMAGE_SIZE
from zoo.files.atomic_write import atomic_path, remove_unfinished
from zoo.files.file_lock import file_lock
from zoo.presets.from_preset import save_weights
from zoo.presets.registry import Preset, file_sha256, list_presets, read_preset

MAX_JUDGED = 1000
# A judge is poor if it closes less than this share of the gap between guessing and being always right.
POOR_GAIN = 0.1
# What the squared discrepancy needs of each set.
MIN_PICTURES = 2


def why_not_judged(data_set: DataSet, image_size: int) -> str | None:
    """Returns why no classifier can compare generated pictures with a data set's; None where one can."""
    num_real = data_set.num_images["validation"]
    if num_real < MIN_PICTURES:
        return f"it needs {MIN_PICTURES} validation pictures, {data_set.name} has {num_real}"
    if image_size < SMALLEST_IMAGE_SIZE:
        return f"its judge needs pictures of {SMALLEST_IMAGE_SIZE} pixels, these have {image_size}"
    if all(len(values) < 2 for values in _whole(data_set).attributes.values()):
        return f"its judge needs an attribute with two values, {data_set.name} has none"
    return None


def find_judge(
    data_set: DataSet, image_size: int, cache: str | None, kept_in: Path, say: Callable[[str], None]
) -> JudgeFiles:
    """Finds the judge of a run's pictures.

    In this order: the one that the run has; a shipped classifier of this data set, this size and these
    channels; the one that was trained for another run; a small one that is trained here, once.

    Args:
        data_set: What the run is trained on. The judge of a part of a data set is that of the whole.
        image_size: Side of the run's pictures in pixels.
        cache: Where training pictures are kept, as in `TrainingConfig`.
        kept_in: Directory of the run that the judge is in, or is copied to.
        say: Takes what the user should know, once: that one is trained, or that it is a poor one.

    Returns:
        The judge in `kept_in`.

    Raises:
        ValueError: The run has a judge, which is damaged.
    """
    try:
        judge = read_judge(kept_in)
    except ValueError as error:
        raise ValueError(
            "The judge of a run must be as it was, or its epochs cannot be compared. "
            f"Received: {kept_in} ({error}). Restore {DESCRIPTION} and {WEIGHTS} from a copy, or delete both "
            "to go on with another judge, whose distances are not those of the epochs before."
        ) from error
    if judge is not None:
        return judge
    whole = _whole(data_set)
    kept_in.mkdir(parents=True, exist_ok=True)
    preset = _find_preset(whole, image_size)
    if preset is not None:
        judge = _copy_preset(preset, whole, kept_in)
    else:
        judge = _find_trained(whole, image_size, cache, kept_in, say)
    if is_poor(judge):
        say(_describe_poor(judge))
    return judge


def is_poor(judge: JudgeFiles) -> bool:
    """Says whether a judge tells the values of no attribute clearly better than by guessing."""
    is_clear = [closes_gap(judge.accuracy[name], chance, POOR_GAIN) for name, chance in judge.chance.items()]
    return judge.num_judged >= MIN_JUDGED and not any(is_clear)


def _describe_poor(judge: JudgeFiles) -> str:
    rates = "; ".join(
        f"{name} {100 * judge.accuracy[name]:.0f} %, by guessing {100 * chance:.0f} %"
        for name, chance in judge.chance.items()
    )
    return (
        f"The {judge.name}, which compares generated pictures with real ones, hardly tells what these show "
        f"({rates}): look at the sample sheets, too, before you trust val_kernel_distance."
    )


def _whole(data_set: DataSet) -> DataSet:
    return data_set.whole if isinstance(data_set, SelectedDataSet) else data_set


def _find_preset(data_set: DataSet, image_size: int) -> Preset | None:
    shape = (image_size, data_set.image_shape[2])
    attributes = {name: list(values) for name, values in data_set.attributes.items()}
    for preset in map(read_preset, list_presets()):
        config = preset.model_config
        if (
            preset.model == ClassifierRecipe.model_name
            and preset.data is not None
            and preset.data["name"] == data_set.name
            and (config["image_size"], config["channels"]) == shape
            and preset.attributes == attributes
        ):
            return preset
    return None


def _copy_preset(preset: Preset, data_set: DataSet, directory: Path) -> JudgeFiles:
    copy_weights(preset.find_weights(), directory)
    return _describe(preset.name, preset.model_config, data_set, directory)


def _find_trained(data_set, image_size, cache, kept_in, say) -> JudgeFiles:
    """Finds the judge that was trained for this data set and size, or trains it, and copies it."""
    directory = _directory_of(data_set, image_size)
    with contextlib.ExitStack() as stack:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            stack.enter_context(file_lock(directory / ".lock", on_held=lambda holder: say(_waiting(holder))))
        except OSError:  # no place for what other runs could use
            return _train(data_set, image_size, cache, kept_in, say)
        remove_unfinished(directory)
        try:
            judge = read_judge(directory)
        except ValueError as error:
            say(f"The judge of pictures of {data_set.name} is damaged ({error}).")
            judge = None
        judge = judge or _train(data_set, image_size, cache, directory, say)
        return judge.copy_to(kept_in)


def _waiting(holder: str) -> str:
    return f"Waiting for the judge of generated pictures, which {holder} trains."


def _directory_of(data_set: DataSet, image_size: int) -> Path:
    """Returns where the judge of a data set is: beside its records, or under `ZOO_HOME`."""
    records = Path(data_set.builder.data_dir)
    content = [
        FORMAT,
        (records / "dataset_info.json").read_text(encoding="utf-8"),
        {name: list(values) for name, values in data_set.attributes.items()},
        [image_size, data_set.image_shape[2]],
        [judge_training.WIDTH, judge_training.MAX_STEPS, judge_training.MAX_PASSES],
    ]
    fingerprint = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    return (records if os.access(records, os.W_OK) else zoo_home()) / "judges" / fingerprint


def _train(data_set: DataSet, image_size: int, cache, directory: Path, say) -> JudgeFiles:
    say(
        f"Training a small classifier of {data_set.name}, once, by which val_kernel_distance compares "
        "generated pictures with real ones."
    )
    model = judge_training.train_judge(data_set, image_size, cache)
    with atomic_path(directory / WEIGHTS) as temporary:
        save_weights(model, temporary)
    config = {name: value for name, value in model.get_config().items() if name not in ("dtype", "trainable")}
    return _describe(f"classifier of {data_set.name}", config, data_set, directory)


def _describe(name: str, model_config, data_set: DataSet, directory: Path) -> JudgeFiles:
    """Measures how well the judge whose weights are in a directory judges, and writes it down there."""
    judge = JudgeFiles(directory, name, model_config, file_sha256(directory / WEIGHTS))
    classifier = judge.classifier
    pictures = read_pictures(
        data_set, "validation", classifier.image_size, classifier.channels, MAX_JUDGED, seed=0
    )
    hits = find_hits(judge_pictures(classifier, pictures.raw_images), pictures.attribute_ids)
    known = {name: ids[ids >= 0] for name, ids in pictures.attribute_ids.items() if np.any(ids >= 0)}
    judge = dataclasses.replace(
        judge,
        accuracy={name: float(hits[name].mean()) for name in known},
        chance={name: float(np.bincount(ids).max() / len(ids)) for name, ids in known.items()},
        num_judged=len(pictures),
    )
    judge.write()
    return judge

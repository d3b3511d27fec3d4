"""Scores a trained model on test photos and writes `evaluation.json` and `report.html`."""

import dataclasses
import importlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from training.data.selection import open_data_set
from training.evaluation.doubts import mark_doubtful
from training.evaluation.efficiency import score_efficiency
from training.evaluation.enlargements import read_folder
from training.evaluation.feature_extractor import FeatureExtractor, extractor_of, load_extractor
from training.evaluation.findings import Findings
from training.evaluation.masks import read_masks
from training.evaluation.report import render_report
from training.evaluation.subject import DEFAULT_QUALITIES, Subject
from training.recipes.base.registry import RECIPES
from training.runs import run_directory
from training.runs.model_card import add_scores
from training.trained_model import Source, find_run_or_preset, load_run_or_preset
from zoo.errors import WrongUsageError
from zoo.files.atomic_write import write_text

DEFAULT_NUM_SAMPLES = 10_000
# With fewer, a bootstrap interval covers clearly less than its nominal 95 %.
MIN_PICTURES = 10


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """An evaluation: the model, the photos, the judge and the findings.

    Args:
        model: Name of the model, e.g. `"dcgan"`.
        source: Name of the run or preset.
        dataset: Name of the data set or of the folder of photos.
        split: `"test"`, or `""` for a folder.
        num_images: Number of photos in the split or the folder.
        num_samples: Maximum number of pictures or photos per score.
        judge: Name of the judging run or preset, or None.
        extractor: Name of the network on whose features distances were measured, or None.
        seed: Seed of all random choices.
        data_source: A sentence on the photos' origin.
        output: Directory with the files.
        findings: Scores, sheets and warnings.
    """

    model: str
    source: str
    dataset: str
    split: str
    num_images: int
    num_samples: int
    judge: str | None
    extractor: str | None
    seed: int
    data_source: str
    output: Path
    findings: Findings

    def to_json(self) -> str:
        """Returns the contents of `evaluation.json`."""
        names = ("model", "source", "dataset", "split", "num_images", "num_samples", "judge", "extractor")
        values = {name: getattr(self, name) for name in (*names, "seed")}
        values["warnings"] = self.findings.notes
        values["scores"] = {name: score.to_json() for name, score in self.findings.scores.items()}
        return json.dumps(values, indent=2) + "\n"


def evaluate_run(
    run: str | Path,
    dataset: str | None = None,
    judge: str | Path | None = None,
    extractor: str | None = None,
    num_samples: int = DEFAULT_NUM_SAMPLES,
    images: Path | None = None,
    masks: Path | None = None,
    output: Path | None = None,
    seed: int = 0,
    qualities: Sequence[int] | None = None,
) -> Evaluation:
    """Scores the finished model of a run, or a preset.

    Args:
        run: Run directory, or the name of a preset.
        dataset: Data set with the test photos; the run's by default.
        judge: Run or preset of a model with `judge` (`classifier`, `conditional_vae`) and the same attributes
            as the evaluated model; None omits the scores that need one.
        extractor: As for `feature_extractor.load_extractor`; the judge's features by default.
        num_samples: Maximum number of pictures to generate, and of photos to compare them with.
        images: Folder of photos on which to score a super-resolution or cut-out model instead of a data set.
        masks: Folder with the products' masks in those photos, for a cut-out model.
        output: Directory for the files; `default_output` by default.
        seed: Seed of the latents, the attributes and the choice of photos.
        qualities: Qualities of JPEG, from 1 to 100, by which photos to clean are damaged;
            `DEFAULT_QUALITIES` by default.

    Returns:
        The evaluation.

    Raises:
        FileNotFoundError: There is no such run or preset, a run has not finished, or the extractor's weights
            are missing.
        ValueError: The model generates nothing to judge, the judge does not fit the model, or the data set
            has other attributes.
    """
    source = find_run_or_preset(str(run))
    # Not the training's cache: this may be another machine.
    config = dataclasses.replace(source.config, cache=None, dataset=dataset or source.config.dataset)
    if images is not None and not source.recipe.scores_folders:
        raise WrongUsageError(
            "`--images` needs a model of photos without attributes: super-resolution, clean, cutout or "
            f"recolour. Received: `--images` for a {config.model}. Build a data set from them: zoo data "
            "build."
        )
    if (masks is not None) != (images is not None and source.recipe.scores_masks):
        raise WrongUsageError(
            "`--masks` belongs to `--images` for a model that finds products, and to nothing else. "
            f"Received: images={images}, masks={masks} for a {config.model}. Give both, or neither."
        )
    judge_source = _load_judge(judge, source) if judge else None
    features = _load_features(extractor, judge_source)
    data_set = photos = photo_masks = None
    if images is not None:
        photos = read_folder(images)
        if masks is not None:
            photo_masks = read_masks(masks, photos)
            photos = {name: photos[name] for name in photo_masks}
        about = (images.resolve().name, "", len(photos), f"Photos of the folder {images.name}.")
    else:
        data_set = open_data_set(config.dataset, config.data_dir, config.only)
        _check_attributes("The data set", getattr(source.model, "attributes", {}), data_set.attributes)
        about = (config.dataset, "test", data_set.num_images["test"], data_set.source)
    subject = Subject(
        source,
        config,
        data_set,
        photos,
        photo_masks,
        judge_source,
        features,
        num_samples,
        seed,
        qualities or DEFAULT_QUALITIES,
    )
    stages: dict[str, Callable[[], Findings]] = {}
    for kind in source.recipe.evaluations:
        stages |= importlib.import_module(kind).make_stages(subject)
    if judge_source and judge_source.directory.resolve() == source.directory.resolve():
        stages["judge"] = lambda: Findings(notes=["The model judges itself: such scores mean little."])
    num_scored = about[2] if images is not None else min(about[2], num_samples)
    if num_scored < MIN_PICTURES:
        stages["few pictures"] = lambda: Findings(notes=[_describe_few(num_scored)])
    stages["efficiency"] = lambda: score_efficiency(source.recipe.make_answer(source.model))
    output = output or default_output(source)
    output.mkdir(parents=True, exist_ok=True)

    evaluation = Evaluation(
        config.model,
        source.name,
        *about[:3],
        num_samples,
        judge_source.name if judge_source else None,
        features.name if features else None,
        seed,
        about[3],
        output,
        _run_stages(stages),
    )
    _write(evaluation, source)
    return evaluation


def _describe_few(num_pictures: int) -> str:
    what = "a single photo and without intervals" if num_pictures == 1 else f"{num_pictures} photos"
    return (
        f"The scores are of {what}. Fewer than {MIN_PICTURES} photos say little about others, and their "
        "intervals are too narrow."
    )


def _run_stages(stages: dict[str, Callable[[], Findings]]) -> Findings:
    findings = Findings()
    progress = tqdm(stages.items(), unit=" parts", leave=False, disable=None)
    for name, stage in progress:
        progress.set_description(f"Scoring: {name}")
        findings |= stage()
    return mark_doubtful(findings)


def _load_features(extractor: str | None, judge: Source | None) -> FeatureExtractor | None:
    if extractor:
        return load_extractor(extractor)
    return extractor_of(judge, judge.name) if judge else None


def _load_judge(judge: str | Path, source: Source) -> Source:
    model = source.model
    if not source.recipe.takes_judge:
        makers = [name for name, recipe in RECIPES.items() if recipe.takes_judge]
        raise ValueError(
            f"`--judge` needs a model that generates pictures to judge: {', '.join(makers)}. "
            f"Received: a judge for a {type(model).__name__}. Omit `--judge`."
        )
    loaded = load_run_or_preset(str(judge))
    if not loaded.recipe.is_judge:
        judges = [name for name, recipe in RECIPES.items() if recipe.is_judge]
        raise ValueError(
            f"The judge must be a {' or '.join(judges)}, because it must predict attributes. "
            f"Received: {judge}, a {type(loaded.model).__name__}. Name another run or preset with `--judge`."
        )
    _check_attributes("The judge", getattr(model, "attributes", {}), loaded.model.attributes)
    judge_model = loaded.model
    # A smaller judge sees reduced pictures; enlarged ones would be unlike those it learned from.
    if judge_model.image_size > model.image_size or judge_model.channels != model.channels:
        raise ValueError(
            "The judge must take pictures of the channels that the model generates, and not larger ones: "
            f"image_size={model.image_size}, channels={model.channels}. Received: {judge} with "
            f"image_size={judge_model.image_size}, channels={judge_model.channels}. Train a judge of that "
            "size."
        )
    return loaded


def _check_attributes(what: str, of_model, received) -> None:
    different = [name for name, values in of_model.items() if received.get(name) != values]
    if different:
        raise ValueError(
            f"{what} must have the attributes that the model was trained with: {_describe(of_model)}. "
            f"Received: {_describe(received)}."
        )


def _describe(attributes) -> str:
    return "; ".join(f"{name} ({', '.join(values)})" for name, values in attributes.items()) or "none"


def default_output(source: Source) -> Path:
    """Returns an evaluation's default directory: the run directory, or `evaluations/<preset>`."""
    # Presets are part of the installed package, where nothing must be written.
    return source.directory if source.kind == "run" else Path("evaluations", source.name)


def _write(evaluation: Evaluation, source: Source) -> None:
    output = evaluation.output
    write_text(output / run_directory.EVALUATION, evaluation.to_json())
    write_text(output / run_directory.REPORT, render_report(evaluation))
    if output.resolve() == source.directory.resolve() and evaluation.split:
        add_scores(source.directory, evaluation)

"""Scores a trained model on test pictures; leaves `evaluation.json` and `report.html`."""

import dataclasses
import importlib
import json
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from training.data.selection import open_data_set
from training.evaluation.efficiency import score_efficiency
from training.evaluation.enlargements import read_folder
from training.evaluation.feature_extractor import FeatureExtractor, extractor_of, load_extractor
from training.evaluation.findings import Findings
from training.evaluation.report import render_report
from training.evaluation.subject import Subject
from training.recipes.base.registry import RECIPES
from training.runs import run_directory
from training.runs.model_card import add_scores
from training.trained_model import Source, find_run_or_preset, load_run_or_preset
from zoo.errors import WrongUsageError
from zoo.files.atomic_write import write_text

DEFAULT_NUM_SAMPLES = 10_000
# Of fewer, a bootstrap interval is clearly narrower than it says.
MIN_PICTURES = 10


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What was scored, on what, with what, and what came out.

    Args:
        model: Name of the model, e.g. `"dcgan"`.
        source: Name of the run or preset.
        dataset: Name of the data set or of the folder of pictures.
        split: `"test"`, or `""` for a folder.
        num_images: Number of its pictures.
        num_samples: Most pictures that a score is of.
        judge: Name of the run or preset that judged; None if none did.
        extractor: Name of the network that distances were measured on; None if none were.
        seed: Of everything drawn.
        data_source: A sentence on where the pictures came from.
        output: Where the files are.
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
        """Returns the text of `evaluation.json`."""
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
    output: Path | None = None,
    seed: int = 0,
) -> Evaluation:
    """Scores the finished model of a run, or a preset.

    Args:
        run: Run directory, or the name of a preset.
        dataset: Data set whose test pictures are used; that of the run by default.
        judge: Run of a model with `judge` (`classifier`, `conditional_vae`) that knows the model's
            attributes; None leaves out what needs one.
        extractor: As for `feature_extractor.load_extractor`; the judge's features by default.
        num_samples: Most pictures that are generated, and compared with.
        images: Folder of pictures to score a super-resolution model on instead of a data set.
        output: Directory that gets the files; `default_output` by default.
        seed: Of latents, of attributes that are drawn, and of which pictures are taken.

    Returns:
        The evaluation.

    Raises:
        FileNotFoundError: There is no such run or preset, a run has not finished, or the extractor's weights
            are absent.
        ValueError: The judge has nothing to judge or does not fit, or the data set has other attributes.
    """
    source = find_run_or_preset(str(run))
    # Not where the training kept its pictures: this may be another machine.
    config = dataclasses.replace(source.config, cache=None, **({"dataset": dataset} if dataset else {}))
    if images is not None and not source.recipe.scores_folders:
        raise WrongUsageError(
            "Only super-resolution is scored on a folder of pictures, because they have no attributes. "
            f"Received: `--images` for a {config.model}. Make a data set of them: zoo data build."
        )
    judge_source = _load_judge(judge, source) if judge else None
    features = _load_features(extractor, judge_source)
    data_set = photos = None
    if images is not None:
        photos = read_folder(images)
        about = (images.resolve().name, "", len(photos), f"Pictures of the folder {images.name}.")
    else:
        data_set = open_data_set(config.dataset, config.data_dir, config.only)
        _check_attributes("The data set", getattr(source.model, "attributes", {}), data_set.attributes)
        about = (config.dataset, "test", data_set.num_images["test"], data_set.source)
    subject = Subject(source, config, data_set, photos, judge_source, features, num_samples, seed)
    stages: dict[str, Callable[[], Findings]] = {}
    for kind in source.recipe.evaluations:
        stages |= importlib.import_module(kind).make_stages(subject)
    if judge_source and judge_source.directory.resolve() == source.directory.resolve():
        stages["judge"] = lambda: Findings(notes=["The model judges itself: such scores say little."])
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
    what = "a single picture, so without intervals" if num_pictures == 1 else f"{num_pictures} pictures"
    return (
        f"The scores are of {what}. Fewer than {MIN_PICTURES} say little about other pictures, and intervals "
        "of them are too narrow."
    )


def _run_stages(stages: dict[str, Callable[[], Findings]]) -> Findings:
    findings = Findings()
    progress = tqdm(stages.items(), unit=" parts", leave=False, disable=None)
    for name, stage in progress:
        progress.set_description(f"Scoring: {name}")
        findings |= stage()
    return findings


def _load_features(extractor: str | None, judge: Source | None) -> FeatureExtractor | None:
    if extractor:
        return load_extractor(extractor)
    return extractor_of(judge, judge.name) if judge else None


def _load_judge(judge: str | Path, source: Source) -> Source:
    model = source.model
    if not source.recipe.is_generative:
        makers = [name for name, recipe in RECIPES.items() if recipe.is_generative]
        raise ValueError(
            f"A judge looks at generated pictures, which {' and '.join(makers)} make. "
            f"Received: a judge for a {type(model).__name__}. Leave `--judge` out."
        )
    loaded = load_run_or_preset(str(judge))
    if not loaded.recipe.is_judge:
        judges = [name for name, recipe in RECIPES.items() if recipe.is_judge]
        raise ValueError(
            f"The judge must be a {' or '.join(judges)}, because it must name attributes. "
            f"Received: {judge}, a {type(loaded.model).__name__}."
        )
    _check_attributes("The judge", model.attributes, loaded.model.attributes)
    if (loaded.model.image_size, loaded.model.channels) != (model.image_size, model.channels):
        raise ValueError(
            "The judge must judge pictures of the size and channels that the model makes: "
            f"image_size={model.image_size}, channels={model.channels}. Received: {judge} with "
            f"image_size={loaded.model.image_size}, channels={loaded.model.channels}."
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
    """Returns where an evaluation is left: in the run directory; of a preset in `evaluations/<preset>`."""
    # A preset is part of the package: nothing is written there.
    return source.directory if source.kind == "run" else Path("evaluations", source.name)


def _write(evaluation: Evaluation, source: Source) -> None:
    output = evaluation.output
    write_text(output / run_directory.EVALUATION, evaluation.to_json())
    write_text(output / run_directory.REPORT, render_report(evaluation))
    if output.resolve() == source.directory.resolve() and evaluation.split:
        add_scores(source.directory, evaluation)

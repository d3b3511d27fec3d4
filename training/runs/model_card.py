"""Writes the model card of a trained model."""

import datetime
import json
from pathlib import Path
from typing import Any

from training.data.data_sets import DataSet
from training.runs import run_directory
from training.runs.config import TrainingConfig
from training.runs.library_versions import library_versions
from training.runs.metrics_log import read_metrics
from training.runs.score import Score, format_score
from zoo.files.atomic_write import write_text

SCORES_HEADING = "\n## Scores on the test pictures\n"


def write_model_card(run: Path, config: TrainingConfig, data_set: DataSet, model: Any) -> None:
    """Writes a finished run's `model_card.md`: model, data, the command to repeat it, and last metrics."""
    metrics = read_metrics(run / run_directory.METRICS)
    minutes = sum(line["seconds"] for line in metrics) / 60
    last = {name: value for name, value in (metrics or [{}])[-1].items() if name not in ("epoch", "seconds")}
    versions = ", ".join(f"{name} {version}" for name, version in library_versions().items())
    attributes = "".join(f"- {name}: {', '.join(values)}\n" for name, values in data_set.attributes.items())
    scores = "".join(f"| {name} | {value:.4g} |\n" for name, value in sorted(last.items()))
    changes, degradations, frozen = (
        ", ".join(names) or "no" for names in (config.augment, config.degrade, config.freeze)
    )
    beginning = f"the weights of {config.init_from}" if config.init_from else "random weights"
    judge = _describe_judge(run)
    write_text(
        run / run_directory.MODEL_CARD,
        f"""# {config.model} on {config.dataset}

Trained on {datetime.date.today().isoformat()} for {len(metrics)} epochs in {minutes:.1f} minutes, precision
{config.precision}, seed {config.seed}, {model.count_params():,} parameters. {versions}.

Repeat it: `zoo train --config {run_directory.CONFIG}`

## Data

{data_set.source} {data_set.num_images["train"]:,} training pictures of {config.image_size} pixels.
Augmentations: {changes}. Degradations of low-res pictures: {degradations}.
Initialised with {beginning}. Frozen parts: {frozen}.

{attributes}
## Metrics of the last epoch

Names of validation metrics start with `val_`. For scores on the test pictures: `zoo evaluate`.{judge}

| metric | value |
|---|---|
{scores}""",
    )


def _describe_judge(run: Path) -> str:
    path = run / run_directory.CHECKPOINTS / run_directory.JUDGE
    if not path.exists():
        return ""
    judge = json.loads(path.read_text(encoding="utf-8"))
    shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in judge["accuracy"].items())
    return (
        f"\n`val_kernel_distance` is measured on features of `{judge['name']}`, whose accuracy on "
        f"{judge['num_judged']:,} validation pictures is {shares or 'unknown'}."
    )


def add_scores(run: Path, evaluation: Any) -> None:
    """Appends an evaluation's scores to the run's model card, replacing earlier ones.

    Args:
        run: A finished run; nothing is written if it has no card.
        evaluation: A `training.evaluation.Evaluation`.
    """
    path = run / run_directory.MODEL_CARD
    if not path.exists():
        return
    card = path.read_text(encoding="utf-8").split(SCORES_HEADING)[0].rstrip("\n") + "\n"
    findings = evaluation.findings
    notes = "".join(f"\n{note}\n" for note in findings.notes)
    rows = "".join(
        f"| {name} | {format_score(score)} {score.unit}{score.mark} | {_baseline_text(score)} |\n"
        for name, score in findings.scores.items()
    )
    write_text(
        path,
        f"""{card}{SCORES_HEADING}
{evaluation.num_images:,} pictures of {evaluation.dataset}, judge {evaluation.judge or "none"}, distances on
{evaluation.extractor or "nothing"}, seed {evaluation.seed}. Intervals of 95 % in brackets.
{notes}
| score | value | baseline |
|---|---|---|
{rows}""",
    )


def _baseline_text(score: Score) -> str:
    return "" if score.baseline is None else f"{score.baseline_name}: {format_score(score.baseline)}"
